"""The probe: the net as it began, taught a few examples of one batch, to tell a net that cannot learn from data that cannot be.

It learns in copies of weights and buffers; the net itself, its modes and the random state stay as they are.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from thalweg.doctor.answers import CLASSES, OFF, SQUARED, LossCall, entropy
from thalweg.doctor.figures import rounded
from thalweg.doctor.lines import Probe

ROWS, STEPS, RATE, LEARNED = 32, 150, 3e-3, 0.1
SMOOTHED = "cross_entropy"
"""The loss that may smooth classes."""
SURER = [half / 2 for half in range(1, 61)]
"""By how much more than the others the right class is scored, to find how low its loss can be."""
MOST_VALUES = 50_000_000
"""Weights of larger nets are not kept."""
WEIGHING = (nn.Linear, _ConvNd)
"""Layers whose answers may be what all must pass."""
UNTRIED = Probe(first=None, last=None)
BEYOND = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, NotImplementedError, AssertionError)
"""What may be raised where a net is called in another way than it was made for, or something unheard-of is looked at."""


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
        least: the loss that no net can go below.
        unknowing: the loss of who knows no more than what the targets are like in all, where it is known.
    """

    loss: Callable[[dict[str, Tensor]], Tensor]
    rows: int
    least: float = 0.0
    unknowing: float = math.inf

    def enough(self, first: float) -> float:
        """The loss at which it is learned, where it began with so much."""
        most = min(first, self.unknowing or math.inf)
        return self.least + LEARNED * (most - self.least)


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

    alike = _least((*given, *named.values()), target, rows) if each == 1 else 0.0
    return Lesson(loss, rows, max(alike, _smoothed(call, target)), _unknowing(call, target))


def _least(given: Sequence[Any], target: Tensor, rows: int) -> float:
    """What is left to guess where examples are the same and their classes (N,) differ, in nats an example."""
    parts = [one.reshape(rows, -1).double() for one in given if isinstance(one, Tensor) and len(one) == rows]
    if target.dim() != 1 or target.is_floating_point() or not parts:
        return 0.0
    same = torch.unique(torch.cat(parts, 1), dim=0, return_inverse=True)[1]
    both = torch.stack([same, target], 1).unique(dim=0, return_counts=True)[1]
    return float((torch.special.entr(both / rows).sum() - torch.special.entr(same.bincount() / rows).sum()).clamp(min=0))


def _unknowing(call: LossCall, target: Tensor) -> float:
    """Of classes (N,) the entropy in nats, of numbers their variance; infinite where that is no measure of the loss."""
    if call.loss == SQUARED and target.numel() > 1:
        return float(target.float().var(0, correction=0).mean())
    if call.loss in CLASSES and target.dim() == 1 and not target.is_floating_point():
        return float(entropy(target[(target >= 0) & (target != call.ignored)].bincount()))
    return math.inf


def _smoothed(call: LossCall, target: Tensor) -> float:
    """The loss of who knows the classes (N,): above 0 where they are smoothed; tried by answers that are more and more sure."""
    again, known = call.again, target[:ROWS]
    if call.loss != SMOOTHED or again is None or known.dim() != 1 or known.is_floating_point():
        return 0.0
    classes = call.input.shape[1]
    right = torch.nn.functional.one_hot(known.long().clamp(0, classes - 1), classes).to(call.input.dtype)
    if not float(again(SURER[-1] * right, known)) > OFF:
        return 0.0
    return min(float(again(sure * right, known)) for sure in SURER)


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
            return _taught(held, lesson, through=narrowest(model, held, lesson))
        except BEYOND:
            return UNTRIED  # rows of a batch cannot always be taken alone


def _taught(held: dict[str, Tensor], lesson: Lesson, *, through: int | None) -> Probe:
    adam = torch.optim.Adam([one for one in held.values() if one.requires_grad], lr=RATE)
    first: float | None = None
    last: float | None = None
    for _ in range(STEPS + 1):
        with torch.enable_grad():
            loss = lesson.loss(held)
        last = rounded(float(loss.detach()))
        first = last if first is None else first
        if first is None or last is None or last < lesson.enough(first):
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
    return Probe(first=first, last=last, rows=lesson.rows, through=through, least=lesson.least)


@torch.no_grad()
def narrowest(model: nn.Module, weights: dict[str, Tensor], lesson: Lesson) -> int | None:
    """The fewest numbers of an example, given by one layer, from which all that is answered comes; as a probe tells it."""
    numbers: dict[nn.Module, int] = {}

    def note(module: nn.Module, inputs: Any, output: Tensor) -> None:
        numbers[module] = max(numbers.get(module, 0), output.numel() // lesson.rows)

    with _hooked([one for one in model.modules() if isinstance(one, WEIGHING)], note):
        told = _answers(model, weights, lesson)
    if told is None or _alike(told):
        return None
    for layer in sorted((one for one in numbers if numbers[one] < told.shape[1]), key=numbers.__getitem__):
        with _hooked([layer], lambda module, inputs, output: torch.zeros_like(output)):
            without = _answers(model, weights, lesson)
        if without is not None and _alike(without):
            return numbers[layer]
    return None


def _answers(model: nn.Module, weights: dict[str, Tensor], lesson: Lesson) -> Tensor | None:
    """What the model answers in the lesson (N, ...), flattened; None where its rows are not those of the examples."""
    found: list[Tensor] = []
    with _hooked([model], lambda module, inputs, output: found.extend(one for _, one in _tensors(output))):
        lesson.loss(weights)
    answer = found[0] if found else None
    if answer is None or not answer.is_floating_point() or not answer.dim() or len(answer) != lesson.rows:
        return None
    return answer.reshape(lesson.rows, -1)


def _alike(answers: Tensor) -> bool:
    """All examples are answered alike, (N, K)."""
    return torch.allclose(answers, answers[:1].expand_as(answers), atol=1e-6)


@contextmanager
def _hooked(layers: Sequence[nn.Module], hook: Callable[..., Tensor | None]) -> Iterator[None]:
    """Within, these layers tell the hook what they give."""
    hooks = [one.register_forward_hook(hook) for one in layers]
    try:
        yield
    finally:
        for one in hooks:
            one.remove()


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
