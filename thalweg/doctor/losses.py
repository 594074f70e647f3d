"""Losses as they are called: within a block, torch's own loss functions and its backward tell what passes through them.

They are replaced where `torch.nn.functional` looks them up at each call, so that modules, functions and names imported long
before are all seen; and put back at the end of the block.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from thalweg.doctor.answers import LossCall

SUM = 2
"""The number of the reduction that sums."""
TABLE: Sequence[tuple[Any, str, str, int]] = (
    (torch._C._nn, "cross_entropy_loss", "cross_entropy", 3),
    (torch._C._nn, "nll_loss_nd", "nll_loss", 3),
    (torch._C._nn, "mse_loss", "mse_loss", 2),
    (torch._C._nn, "l1_loss", "l1_loss", 2),
    (torch._C._nn, "smooth_l1_loss", "smooth_l1_loss", 2),
    (torch._C._nn, "huber_loss", "huber_loss", 2),
    (torch._C._nn, "binary_cross_entropy", "binary_cross_entropy", 3),
    (torch, "binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits", 4),
    (torch, "kl_div", "kl_div", 2),
)
"""Where each loss is looked up, what people call it, and the place of its reduction among the arguments."""
IGNORED = 4
"""The place of the target that counts for nothing, in the losses of classes."""

PASSES = (("backward", True), ("grad", False))
"""Functions that begin backward passes, and whether they begin at losses."""

Taken = Callable[[LossCall], None]
Again = Callable[[Tensor, Tensor], Tensor]
Turned = Callable[[Sequence[Tensor], bool], None]
Ended = Callable[[], None]


@contextmanager
def overheard(taken: Taken, turned: Turned, ended: Ended = lambda: None) -> Iterator[None]:
    """Within, calls of losses and of backward are told of.

    Args:
        taken: hears of each loss.
        turned: hears what a backward pass starts from, and whether those are losses.
        ended: hears that it ended.
    """
    replaced = [
        (torch.autograd, name, _backward(getattr(torch.autograd, name), turned, ended, whole=whole)) for name, whole in PASSES
    ]
    for module, attribute, loss, reduction in TABLE:
        place, name = (module, attribute) if attribute in vars(module) else (F, loss)
        replaced.append((place, name, _loss(getattr(place, name), loss, reduction, taken)))
    former = [(place, name, getattr(place, name)) for place, name, _ in replaced]
    try:
        for place, name, function in replaced:
            setattr(place, name, function)
        yield
    finally:
        for place, name, function in former:
            setattr(place, name, function)


def _loss(original: Callable[..., Tensor], loss: str, reduction: int, taken: Taken) -> Callable[..., Tensor]:
    @functools.wraps(original)
    def told(*given: Any, **named: Any) -> Tensor:
        value = original(*given, **named)
        if not torch.compiler.is_compiling() and len(given) > 1:

            def again(scores: Tensor, target: Tensor) -> Tensor:
                return _mean(original(scores, target, *given[2:], **named), target, given, reduction)

            call = _call(loss, given, reduction, value, again)
            if call is not None:
                taken(call)
        return value

    return told


def _call(loss: str, given: Sequence[Any], reduction: int, value: Tensor, again: Again) -> LossCall | None:
    scores, target = given[0], given[1]
    readable = isinstance(scores, Tensor) and isinstance(target, Tensor)
    if not readable or torch._C._functorch.is_functorch_wrapped_tensor(value):
        return None
    number = value.grad_fn._sequence_nr() if value.grad_fn is not None else None
    mean = _mean(value.detach(), target, given, reduction)
    ignored = given[IGNORED] if reduction == 3 and len(given) > IGNORED else -100
    return LossCall(loss, scores, target, mean, number, ignored, again)


def _mean(value: Tensor, target: Tensor, given: Sequence[Any], reduction: int) -> Tensor:
    """() of a loss that was asked for by example, in sum or in mean."""
    if value.dim():
        return value.mean()
    return value / max(target.numel(), 1) if len(given) > reduction and given[reduction] == SUM else value


def _backward(original: Callable[..., Any], turned: Turned, ended: Ended, *, whole: bool) -> Callable[..., Any]:
    @functools.wraps(original)
    def told(tensors: Any, *given: Any, **named: Any) -> Any:
        if torch.compiler.is_compiling():
            return original(tensors, *given, **named)
        turned([tensors] if isinstance(tensors, Tensor) else list(tensors), whole)
        found = original(tensors, *given, **named)
        ended()
        return found

    return told
