"""The probe: the net as it began, taught a few examples of one batch, to tell a net that cannot learn from data that cannot be.

It learns in copies of weights and buffers; the net itself, its modes and the random state stay as they are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.dropout import _DropoutNd

from thalweg.doctor.answers import LossCall
from thalweg.doctor.figures import rounded
from thalweg.doctor.lines import Probe

ROWS, STEPS, RATE, LEARNED = 32, 150, 3e-3, 0.1
MOST_VALUES = 50_000_000
"""Weights of larger nets are not kept."""
UNTRIED = Probe(first=None, last=None)


@dataclass
class Start:
    """What the probe needs of the first step.

    Attributes:
        weights: copies of parameters and buffers as they were.
        given, named: what the net was called with, its first rows; of a batch of so many.
    """

    weights: Mapping[str, Tensor]
    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] | None = None
    batch: int = 0

    @staticmethod
    def of(model: nn.Module) -> "Start | None":
        """A start whose weights are kept; None for a net that is too large."""
        held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        if sum(one.numel() for one in held.values()) > MOST_VALUES:
            return None
        return Start({name: one.detach().clone() for name, one in held.items()})

    def enter(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """Keep what the net is called with."""
        first = next((one for one in (*given, *named.values()) if isinstance(one, Tensor) and one.dim()), None)
        if self.named is None and first is not None:
            self.batch = len(first)
            self.given, self.named = _first_rows(given, self.batch), _first_rows(dict(named), self.batch)


def _first_rows(value: Any, batch: int) -> Any:
    """The first rows of all tensors of a batch that a value holds, copied."""
    if isinstance(value, Tensor):
        return value.detach()[:ROWS].clone() if value.dim() and len(value) == batch else value
    if isinstance(value, dict):
        return {name: _first_rows(one, batch) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_first_rows(one, batch) for one in value) if type(value) in (tuple, list) else value
    return value


@dataclass(frozen=True)
class Lesson:
    """What the probe teaches.

    Attributes:
        loss: () of weights and buffers, by name.
        rows: how many examples it is of.
    """

    loss: Callable[[dict[str, Tensor]], Tensor]
    rows: int


def lesson_of(model: nn.Module, start: Start, output: Any, call: LossCall) -> Lesson | None:
    """The lesson in the first step's call of the net and of its loss; None where one does not lead to the other."""
    path = next((path for path, one in _tensors(output) if _same(one, call.input)), None)
    again = call.again
    if path is None or again is None or not start.batch or not call.input.dim():
        return None
    if call.input.shape[0] % start.batch or not call.target.dim() or call.target.shape[0] != call.input.shape[0]:
        return None
    rows = min(ROWS, start.batch)
    each = call.input.shape[0] // start.batch
    shape = (rows * each, *call.input.shape[1:])
    target = call.target.detach()[: rows * each].clone()
    given, named = start.given, dict(start.named or {})

    def loss(weights: dict[str, Tensor]) -> Tensor:
        return again(_at(functional_call(model, weights, given, named), path).reshape(shape), target)

    return Lesson(loss, rows)


def _tensors(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Tensor]]:
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _tensors(one, (*path, name))
    elif isinstance(value, tuple | list):
        for place, one in enumerate(value):
            yield from _tensors(one, (*path, place))


def _at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        value = value[key]
    return value


def _same(answer: Tensor, given: Tensor) -> bool:
    """The loss's input is the net's answer, perhaps in another shape."""
    if answer is given:
        return True
    if answer.numel() != given.numel() or answer.untyped_storage().data_ptr() != given.untyped_storage().data_ptr():
        return False
    return torch.equal(answer.detach().reshape(given.shape), given.detach())


def probed(model: nn.Module, weights: Mapping[str, Tensor], lesson: Lesson) -> Probe:
    """Teach copies of the weights the lesson's rows until their loss is halved, 150 steps at most."""
    learning = {name for name, one in model.named_parameters() if one.requires_grad}
    held = {name: one.clone().requires_grad_(name in learning) for name, one in weights.items()}
    with _calm(model):
        try:
            return _taught(held, lesson)
        except (RuntimeError, TypeError, ValueError, LookupError, AttributeError, NotImplementedError, AssertionError):
            return UNTRIED  # rows of a batch cannot always be taken alone


def _taught(held: dict[str, Tensor], lesson: Lesson) -> Probe:
    adam = torch.optim.Adam([one for one in held.values() if one.requires_grad], lr=RATE)
    first: float | None = None
    last: float | None = None
    for _ in range(STEPS + 1):
        with torch.enable_grad():
            loss = lesson.loss(held)
        last = rounded(float(loss.detach()))
        first = last if first is None else first
        if first is None or last is None or last < LEARNED * first:
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
    return Probe(first=first, last=last, rows=lesson.rows)


@contextmanager
def _calm(model: nn.Module) -> Iterator[None]:
    """In training mode without dropout; modes and random state are put back."""
    modes = [(module, module.training) for module in model.modules()]
    cuda = [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    try:
        for module, _ in modes:
            module.training = not isinstance(module, _DropoutNd)
        with torch.random.fork_rng(devices=cuda):
            yield
    finally:
        for module, mode in modes:
            module.training = mode
