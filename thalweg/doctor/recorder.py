"""The recorder: keeps the trace of a training from what hooks and replaced functions tell it.

Most steps cost it a few calls; at a step that the pace chooses, layers, answers, gradients and moves are read. What it reads
it copies or sums: it changes no tensor, draws nothing, and holds no graph.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from thalweg.doctor import answers
from thalweg.doctor.answers import LossCall, Reading
from thalweg.doctor.clearing import Clearing
from thalweg.doctor.evaluations import Evaluations
from thalweg.doctor.figures import Figures, read_all
from thalweg.doctor.layers import LayersLook, Zeros, acts_by_mode
from thalweg.doctor.lines import AnyLine, Net, Steps, Stills
from thalweg.doctor.not_finite import found_in
from thalweg.doctor.pace import Pace
from thalweg.doctor.probe import Lesson, Start, lesson_of
from thalweg.doctor.sampled import add_gradients, add_moves, labels_seen, sample_of
from thalweg.doctor.waits import Waits
from thalweg.doctor.weights import Weights

FLUSHED = 64
"""Steps whose losses are copied from the device together."""
TOLD_FIRST = ("cross_entropy", "nll_loss", "binary_cross_entropy_with_logits", "binary_cross_entropy")
"""Losses by which a training is judged where it has several."""


@dataclass
class Look:
    """A sampled step under way.

    Attributes:
        reading: of the first loss that led to a backward pass.
    """

    step: int
    figures: Figures
    layers: LayersLook
    gradients: dict[str, Tensor] = field(default_factory=dict)
    noted: bool = False
    reading: Reading | None = None
    output: Any = None
    hook: RemovableHandle | None = None


@dataclass
class Taken:
    """Steps that were taken and not told yet."""

    first: int = 0
    losses: list[Tensor | float | None] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Kept:
    """A loss that a backward pass may follow.

    Attributes:
        number: of its value in the order of the graph.
        value: (), its mean.
        training_mode: of the model, when it was taken.
    """

    loss: str
    number: int
    value: Tensor
    rows: int
    training_mode: bool
    reading: Reading | None


class Recorder:
    """Hears of calls, losses, backward passes and steps.

    Args:
        stance: called with True ahead of a sampled step and with False after it (compiled nets).
        early: sampled steps begin when the step before has ended, since a compiled net's hooks are not asked.

    Attributes:
        step: steps taken.
        lines: what was told so far; `told` gives all of it.
        label_counts: (K,) how often each class was seen.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        pace: Pace | None = None,
        stance: Callable[[bool], None] = lambda sampling: None,
        early: bool = False,
    ) -> None:
        self.model, self.optimizer, self.stance, self.early = model, optimizer, stance, early
        self.pace = pace or Pace()
        self.step, self.lines = 0, list[AnyLine]()
        self.label_counts: Tensor | None = None
        self.weights: Weights | None = None
        self.start: Start | None = None
        self.lesson: Lesson | None = None
        self.called: dict[str, None] = {}
        self.zeros, self.clearing = Zeros(), Clearing()
        self.evaluations = Evaluations()
        self.look: Look | None = None
        self.taken = Taken()
        self._pending: list[Kept] = []
        self._trained: list[Kept] = []
        self._roots: list[Tensor] = []
        self._primary = ""
        self._training_mode, self._evaluating_since = True, -1
        self._inside, self._entered = False, False
        self._given: tuple[tuple[Any, ...], Mapping[str, Any]] = ((), {})
        self._target: Tensor | None = None
        self._known: Tensor | float | None = None
        self._spoilt, self._asking = False, False
        self.waits = Waits(model)

    def entered(self, module: nn.Module, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """The model is called."""
        if self._asking:
            return
        if not torch.is_grad_enabled():
            self.evaluations.entered(module.training, given)
            return
        self._training_mode, self._entered, self._given = module.training, True, (given, named)
        self.waits.entered()
        if self.look is None and self._due():
            self.arm()
        if self.start is not None and self.lesson is None:
            self.start.enter(given, named)

    def _due(self) -> bool:
        """The step to come is to be sampled; where a loss was not finite, what comes after it says nothing more."""
        return not self._spoilt and self.pace.due(self.step)

    def arm(self) -> None:
        """The step under way is sampled."""
        if self.weights is None:
            self._begin()
        figures = Figures()
        self.look = Look(self.step, figures, LayersLook(self.model, figures, self.zeros))
        self.look.layers.attach()
        if self.lesson is None and self.start is not None:
            self.look.hook = self.model.register_forward_hook(self._answered)
        if self._inside and self.weights is not None:
            self.weights.note()
            self.look.noted = True
        self.stance(True)

    def _answered(self, module: nn.Module, given: Any, output: Any) -> None:
        """The model answered; kept only until the loss was seen, in the first step."""
        if self.look is not None and torch.is_grad_enabled() and not torch.compiler.is_compiling():
            self.look.output = output

    def lost(self, call: LossCall) -> None:
        """A loss was taken."""
        if self._asking:
            return
        if not self._entered:
            self._passed_by(call)
        if call.number is None:
            if self.evaluations.under_way:
                self.evaluations.add(call)
            return
        reading = None
        if self.look is not None and self.look.reading is None:
            reading = answers.read(call, self.look.figures, ("answers", len(self._pending)))
            self._teachable(call)
        self._target = call.target
        self._pending.append(Kept(call.loss, call.number, call.value, call.rows, self._training_mode, reading))

    def turned(self, roots: Sequence[Tensor], whole: bool) -> None:
        """A backward pass begins.

        Args:
            whole: its roots are losses, whatever they come from.
        """
        self.clearing.turning()
        if self._inside and (self._trained or self._roots):
            return  # a line search measures again
        pending = self._pending
        if len(pending) == 1 and len(roots) == 1 and _number(roots[0]) == pending[0].number:  # as in most loops
            found = {pending[0].number}
        else:
            found = led_from(roots, {one.number for one in pending})
        if not found:
            self._roots += [one.detach().float().mean() for one in roots if whole]
            return
        trained = [one for one in pending if one.number in found]
        self._pending = [one for one in pending if one.number not in found]
        self._trained += trained
        if self.look is not None and self.look.reading is None:
            self.look.reading = next((one.reading for one in trained if one.reading is not None), None)

    def stepping(self) -> None:
        """The optimizer is about to step."""
        self._inside = True
        if self.weights is None:
            self._begin()
        for one in self._pending:  # an evaluation that forgot torch.no_grad()
            if not one.training_mode and (self._trained or self._roots):
                self.evaluations.add_value(one.loss, one.rows, one.value)
        self._pending = []
        if self.evaluations.parts:
            self._flush()
            self.lines.append(self.evaluations.line(self.step, self._primary))
            self.waits.evaluated()
        self.evaluations.clear()
        loss = self._loss()
        self._known = loss if loss is None or loss.device.type != "cpu" else loss.item()  # on others nothing is waited for
        if isinstance(self._known, float) and not self._spoilt and not math.isfinite(self._known):
            self._ask()
        if self.look is not None and self.weights is not None:
            self.weights.note()
            self.look.noted = True
            self.look.gradients = self.weights.gradients()
            self.weights.rated(self.optimizer)

    def stepped(self) -> None:
        """The optimizer has stepped."""
        self._inside, self._entered = False, False
        if self.step == 0:
            self.clearing.watch(self.optimizer)
        self.clearing.stepped()
        self.taken.losses.append(self._loss() if self._known is None else self._known)  # of a closure only the step knows
        self._known, self._trained, self._roots = None, [], []
        if self._training_mode:
            self._evaluating_since = -1
        elif self._evaluating_since < 0:
            self._evaluating_since = self.step
        sampled = self.look is not None
        if self.look is not None:
            self._finish(self.look)
        self._time(sampled)
        self.step += 1
        if sampled or len(self.taken.losses) >= FLUSHED:
            self._flush()
        if self.early and self._due():
            self.arm()

    def _ask(self) -> None:
        """Find what is not finite in the step under way, once."""
        self._spoilt = self._asking = True
        self.drop()
        try:
            self.lines.append(found_in(self.model, *self._given, target=self._target, step=self.step))
        finally:
            self._asking = False

    def told(self) -> list[AnyLine]:
        """All lines so far."""
        self._flush()
        more: list[AnyLine] = [self.evaluations.line(self.step, self._primary)] if self.evaluations.parts else []
        if self.weights is not None and self.called:
            stills = self.weights.stills(self.optimizer, self.called)
            more.append(Stills(step=self.step, matrices=stills))
        return [*self.lines, *more]

    def drop(self) -> None:
        """A step under way is not to be read."""
        if self.look is not None:
            self.look.layers.remove()
            if self.look.hook is not None:
                self.look.hook.remove()
            self.look = None
            self.stance(False)

    def _passed_by(self, call: LossCall) -> None:
        """A loss was taken though the model was not called: its `forward` was, or a compiler asks no hooks."""
        if call.number is not None:
            self._training_mode, self.early = self.model.training, True
        elif self.early:
            self.evaluations.entered(self.model.training, ())

    def _begin(self) -> None:
        self.weights = Weights(self.model)
        self.start = Start.of(self.model)
        matrices = self.weights.matrices()
        self.lines.append(Net(matrices=matrices, modes=acts_by_mode(self.model)))

    def _teachable(self, call: LossCall) -> None:
        look = self.look
        if look is None or look.output is None or self.start is None or self.lesson is not None:
            return
        self.lesson = lesson_of(self.model, self.start, look.output, call)
        look.output = None

    def _loss(self) -> Tensor | None:
        calls = self._trained
        if calls:
            if not self._primary:
                names = [one.loss for one in calls]
                self._primary = next((one for one in TOLD_FIRST if one in names), names[0])
            values = [call.value for call in calls if call.loss == self._primary] or [call.value for call in calls]
            return values[0] if len(values) == 1 else torch.stack([one.float() for one in values]).mean()
        return torch.stack(self._roots).mean() if self._roots else None

    def _finish(self, look: Look) -> None:
        assert self.weights is not None
        add_moves(look.figures, self.weights.moved() if look.noted else ())
        add_gradients(look.figures, look.gradients or self.weights.gradients())
        self.label_counts = labels_seen(self.label_counts, look.reading, look.figures)
        sample = sample_of(look.step, look.figures, look.layers, look.reading)
        self.called |= dict.fromkeys(one.name for one in sample.layers)
        self.lines.append(sample)
        self.drop()

    def _time(self, sampled: bool) -> None:
        waited, seconds = self.waits.stepped()
        if sampled:
            self.pace.sampled(self.step, seconds)
        elif waited >= 0:
            self.pace.plain(seconds)
            self.taken.waits.append(waited)
            self.taken.seconds.append(seconds)

    def _flush(self) -> None:
        """Tell of the steps taken since this was done last."""
        taken = self.taken
        if not taken.losses:
            return
        there = [number for number, loss in enumerate(taken.losses) if loss is not None]
        told = dict(zip(there, read_all([loss for loss in taken.losses if loss is not None]), strict=True))
        losses = [told.get(number) for number in range(len(taken.losses))]
        spoilt = [taken.first + number for number, one in enumerate(losses) if one is None and number in told]
        compared, stale = self.clearing.counted()
        self.lines.append(
            Steps(
                first=taken.first,
                losses=losses,
                not_finite=spoilt,
                waits=[round(one, 6) for one in taken.waits],
                seconds=[round(one, 6) for one in taken.seconds],
                loader=self.waits.loader,
                compared=compared,
                stale=stale,
                evaluating_since=self._evaluating_since if self._evaluating_since >= 0 else None,
            )
        )
        self.taken = Taken(first=taken.first + len(losses))


def _number(tensor: Tensor) -> int | None:
    """Of a tensor in the order of the graph."""
    return tensor.grad_fn._sequence_nr() if tensor.grad_fn is not None else None


def led_from(roots: Sequence[Tensor], sought: set[int]) -> set[int]:
    """Numbers of those losses that backward passes from these roots go through."""
    least, found = min(sought, default=0), set[int]()
    nodes = [root.grad_fn for root in roots if root.grad_fn is not None and sought]
    visited: set[Any] = set()
    while nodes and found != sought:
        node = nodes.pop()
        number = node._sequence_nr()
        if node in visited or number < least:  # what a node reads was made before it
            continue
        visited.add(node)
        found |= {number} & sought
        nodes += [one for one, _ in node.next_functions if one is not None]
    return found
