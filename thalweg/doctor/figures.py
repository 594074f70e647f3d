"""Figures: numbers that lie on a device, read together by one copy."""

import math
from collections.abc import Hashable

import torch
from torch import Tensor


class Figures:
    """Collects tensors of one number under keys; nothing is waited for before `read`."""

    def __init__(self) -> None:
        self._held: dict[Hashable, Tensor] = {}

    def add(self, key: Hashable, number: Tensor) -> None:
        """Keep a tensor of one number."""
        self._held[key] = number.detach().reshape(()).to(torch.float32)

    def read(self) -> dict[Hashable, float | None]:
        """All numbers; None for those that are not finite."""
        if not self._held:
            return {}
        values = torch.stack(list(self._held.values())).tolist()
        return {key: rounded(value) for key, value in zip(self._held, values, strict=True)}


def rounded(value: float) -> float | None:
    """A number as traces hold it, to six figures; None where it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
