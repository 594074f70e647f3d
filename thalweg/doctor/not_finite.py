"""Where a number that is not finite came up, found right after a loss that is not, while the weights are those that made it.

The net is asked once more, with copies of its buffers and a random state that is put back; so the training is as without it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from thalweg.doctor.layers import name_of
from thalweg.doctor.lines import NotFinite


def found_in(
    model: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any], *, target: Tensor | None, step: int
) -> NotFinite:
    """The first thing that is not finite: weights, inputs, targets, answers of layers, the loss.

    Args:
        given, named: what the net was called with in that step.
        target: what the loss of that step held its answers against.
    """
    for name, weight in model.named_parameters():
        if _spoilt(weight):
            return NotFinite(step=step, what="weights", layer=name_of(name))
    for tensor in filter(_spoilt, _tensors([*given, *named.values()])):
        return NotFinite(step=step, what="input", places=_places(tensor))
    if target is not None and _spoilt(target):
        return NotFinite(step=step, what="target", places=_places(target))
    name, module = _first_answer(model, given, named)
    if module is None:
        return NotFinite(step=step, what="loss")
    return NotFinite(step=step, what="output", layer=name_of(name), type=type(module).__name__)


def _first_answer(model: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[str, nn.Module | None]:
    """The first layer, the innermost, whose answer is not finite when the net is asked again; None where all are."""
    found: list[tuple[str, nn.Module]] = []

    def answered(name: str, module: nn.Module, answer: Any) -> None:
        if not found and any(map(_spoilt, _tensors([answer]))):
            found.append((name, module))

    hooks = [
        module.register_forward_hook(lambda module, given, answer, name=name: answered(name, module, answer))
        for name, module in model.named_modules()
    ]
    buffers = {name: one.clone() for name, one in model.named_buffers()}
    try:
        with torch.no_grad(), _drawn_apart():
            functional_call(model, buffers, given, dict(named))
    finally:
        for one in hooks:
            one.remove()
    return found[0] if found else ("", None)


@contextmanager
def _drawn_apart() -> Iterator[None]:
    cuda = [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=cuda):
        yield


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        for one in values.values():
            yield from _tensors(one)
    elif isinstance(values, tuple | list):
        for one in values:
            yield from _tensors(one)


def _places(tensor: Tensor) -> str:
    found = (~torch.isfinite(tensor.detach())).nonzero()
    row, *place = found[0].tolist() if tensor.dim() else [0]
    there = f"row {row}" + (f", place {', '.join(map(str, place))}" if place else "")
    return f"{len(found):,} of {tensor.numel():,} numbers, the first in {there} of the batch"


def _spoilt(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor.detach()).all())
