"""Figures: numbers that lie on a device, read together by one copy."""

import math
from collections.abc import Hashable, Sequence

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
        return dict(zip(self._held, read_all(list(self._held.values())), strict=True))


def read_all(numbers: Sequence[Tensor | float]) -> list[float | None]:
    """Numbers and tensors of one number (), the latter copied from their device together; None for what is not finite."""
    tensors = iter(_copied([one for one in numbers if isinstance(one, Tensor)]))
    return [rounded(next(tensors) if isinstance(one, Tensor) else one) for one in numbers]


def _copied(numbers: Sequence[Tensor]) -> list[float]:
    if not numbers:
        return []
    first = numbers[0]
    alike = all(one.dtype == first.dtype and one.device == first.device for one in numbers)
    values = torch.stack(list(numbers) if alike else [one.to(first.device, torch.float32) for one in numbers])
    copied: list[float] = values.float().tolist()
    return copied


def rounded(value: float) -> float | None:
    """A number as traces hold it, to six figures; None where it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
