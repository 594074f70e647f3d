"""A tape of operations: what a graph of kernels is on a GPU, for a CPU. Python is not called again when it is replayed."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Tape(TorchDispatchMode):
    """The operations called within, with the very tensors that they read and wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        answer = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.calls.append((func, args, kwargs or {}, tensors_of(answer)))
        return answer

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, written in self.calls:
            for mine, its in zip(written, tensors_of(func(*args, **kwargs)), strict=True):
                if mine.data_ptr() != its.data_ptr():
                    mine.copy_(its)


def tensors_of(answer: Any) -> list[Tensor]:
    return [one for one in (answer if isinstance(answer, tuple | list) else [answer]) if isinstance(one, Tensor)]


def taped(act: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """In the place of `recorded`, on a CPU."""
    with Tape() as tape:
        act()
    return tape.replay
