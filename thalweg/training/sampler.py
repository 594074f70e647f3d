"""The sampler: a listener that reads how a stage learns, for the doctor, and keeps it as the run's trace.

Steps are taken by rules and programs as ever. At a few of them the weights are compared with those of a step before, and the
step's batch is passed through the net once more, forwards and backwards, under watch; weights, statistics and random state are
what they were. Which steps these are depends on their number alone, so that a resumed run writes the same lines.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from thalweg.core.device import autocast
from thalweg.core.position import seed_from
from thalweg.core.talk import Talk
from thalweg.data.batches import Batches
from thalweg.data.dataset import Environment
from thalweg.doctor import answers
from thalweg.doctor.answers import LossCall, Reading
from thalweg.doctor.evaluations import Evaluations
from thalweg.doctor.figures import Figures, rounded
from thalweg.doctor.judge import judged, told_at_once, wants_probe
from thalweg.doctor.layers import LayersLook, Zeros, acts_by_mode
from thalweg.doctor.lines import AnyLine, Net, Steps, Stills
from thalweg.doctor.losses import overheard
from thalweg.doctor.pace import FIRST
from thalweg.doctor.probe import BEYOND, ROWS, Lesson, Start, probed
from thalweg.doctor.sampled import add_gradients, add_moves, labels_seen, sample_of
from thalweg.doctor.trace import Trace
from thalweg.doctor.weights import Weights
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Losses, restore_modes, set_evaluating
from thalweg.training.failures import first_line
from thalweg.training.layer_calls import unchanged
from thalweg.training.loop import Progress
from thalweg.training.own_loss import OwnLoss
from thalweg.training.stage import Stage

SAMPLES, NEAR = 16, 100
"""Samples of a stage after the first ones, and steps between them at least."""
LOOKS = 8
"""Held-out looks of a stage, about."""
PENDING = 500
"""Losses that are told of together."""
POINTS = 2000
"""Losses of a stage that are kept, at most: each stands for as many steps as that needs."""
SPIKE, CALM = 10.0, 20
"""A loss that many times the mean before it is looked into, after so many steps."""
KEPT_VALUES = 16_000_000
"""Weights of larger nets are not kept for the probe."""


class Sampler:
    """Reads how a stage learns.

    Args:
        held_out: batches of the validation part; the first is looked at beside some of the evaluations.
        record: takes each line of the trace as JSON values.
        former: gives all lines that were recorded.

    Attributes:
        passes, looks: steps, and held-out batches, can be looked into; they are until that fails.
        lines: of this stage; None until they are read back after a resume.
    """

    def __init__(
        self,
        stage: Stage,
        held_out: Batches,
        *,
        record: Callable[[Mapping[str, Any]], None],
        former: Callable[[], Sequence[AnyLine]],
        talk: Talk,
    ) -> None:
        self.stage, self.held_out, self.record, self.former, self.talk = stage, held_out, record, former, talk
        rule = stage.rule
        self.rule = rule if isinstance(rule, GradientRule) and _plain(rule) else None
        self.passes = self.looks = self.rule is not None and not isinstance(stage.dataset, Environment)
        self.weights = Weights(rule.model)
        values = sum(one.numel() for one in rule.model.parameters())
        self.start = Start.of(rule.model) if self.looks and values <= KEPT_VALUES else None
        self.zeros = Zeros()
        self.label_counts: Tensor | None = None
        self.lines: list[AnyLine] | None = []
        self.said: list[str] = []
        self._losses: list[float] = []
        self._begun = 0
        self._noted, self._heard = -1, len(stage.progress.history)
        self._calm, self._steps = 0.0, 0

    def begin(self) -> None:
        """The stage begins: what is about to learn is the trace's first line."""
        model = self.stage.rule.model
        self._tell(Net(matrices=self.weights.matrices(), modes=acts_by_mode(model)))
        self._note(0)

    def __call__(self, progress: Progress, rule: Rule) -> None:
        step, spike = progress.position.step, self._take_in(progress)
        sampled = self._noted == step - 1 and _wanted(step - 1, progress.position.total)
        if sampled or spike:
            figures = Figures()
            add_moves(figures, self.weights.moved() if sampled else ())
            layers = LayersLook(rule.model, figures, self.zeros)
            reading = self._pass(progress, layers, figures)
            self.label_counts = labels_seen(self.label_counts, reading, figures)
            self._tell(sample_of(step - 1, figures, layers, reading))
        self._noted = -1
        if _wanted(step, progress.position.total) and not progress.stop:
            self._note(step)
        if self._looking(progress):
            self._look(progress)
            self._say()

    def due(self, progress: Progress) -> float:
        step, total = progress.position.step, progress.position.total
        if _wanted(step, total):
            return step + 1
        gap = _gap(total)
        return next((one for one in FIRST if one > step), (step // gap + 1) * gap)

    def conclude(self) -> None:
        """The end of the stage: write what is left to tell, and say what is wrong."""
        self._flush(self.stage.progress.position.total)
        stills = self._stills()
        if stills is not None:
            self._tell(stills)
        trace = self._trace()
        if self.start is not None and wants_probe(trace):
            self._tell(self._probe(self.start))
            trace = self._trace()
        found = [one for one in judged(trace, ours=True) if one["name"] not in self.said]
        if found:
            self.talk.say("doctor", *(f"{one['what']} ({one['sure']}): {one['fix']}" for one in found))

    def state_dict(self) -> dict[str, Any]:
        return {
            "zeros": {name: [[one, rows] for one, rows in held] for name, held in self.zeros.held.items()},
            "labels": self.label_counts,
            "losses": list(self._losses),
            "begun": self._begun,
            "calm": [self._calm, self._steps],
            "heard": self._heard,
            "said": list(self.said),
            "may": [self.passes, self.looks],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not state:  # a checkpoint of before there was a trace
            return
        for name, held in state["zeros"].items():
            for one, rows in held:
                if one.dtype != torch.bool or one.dim() != 1 or one.shape != held[0][0].shape or not one.numel():
                    raise ValueError(f"units of {name[:60]} are {tuple(one.shape)}")
                self.zeros.add(name, one, rows)
        labels = state["labels"]
        if labels is not None and not (labels.dim() == 1 and bool(torch.isfinite(labels).all())):
            raise ValueError("labels are no counts")
        self.label_counts, self._losses, self._begun = state["labels"], list(state["losses"]), state["begun"]
        (self._calm, self._steps), self._heard, self.said = state["calm"], state["heard"], list(state["said"])
        self.passes, self.looks = state["may"]
        self.lines = None

    def resume(self) -> None:
        """Weights and position are those of a checkpoint now."""
        at = self.stage.progress.position
        if _wanted(at.step, at.total) and not self.stage.progress.stop:
            self._note(at.step)

    def _take_in(self, progress: Progress) -> bool:
        """Keep the losses of the steps just taken; says whether the last one stands out."""
        self._losses += progress.losses
        last = progress.losses[-1] if progress.losses else math.nan
        usual = self._calm / self._steps if self._steps >= CALM else math.inf
        finite = [one for one in progress.losses if math.isfinite(one)]
        self._calm, self._steps = self._calm + sum(finite), self._steps + len(finite)
        if len(self._losses) >= PENDING:
            self._flush(progress.position.total, whole=False)
        return math.isfinite(last) and usual > 0 and last > SPIKE * usual

    def _flush(self, total: int, *, whole: bool = True) -> None:
        """Tell of the losses so far, as means of several steps where there are many."""
        each = max(1, -(-total // POINTS))
        count = len(self._losses) if whole else len(self._losses) // each * each
        told, self._losses = self._losses[:count], self._losses[count:]
        if not told:
            return
        means = [sum(part) / len(part) for part in (told[i : i + each] for i in range(0, count, each))]
        spoilt = [self._begun + number * each for number, one in enumerate(means) if not math.isfinite(one)]
        self._tell(Steps(first=self._begun, losses=[rounded(one) for one in means], each=each, not_finite=spoilt))
        self._begun += count

    def _note(self, step: int) -> None:
        self.weights.note()
        self._noted = step

    def _pass(self, progress: Progress, layers: LayersLook, figures: Figures) -> Reading | None:
        """The step's batch once more through the net, forwards and backwards; nothing is changed."""
        rule, at = self.rule, progress.at
        if rule is None or at is None or not self.passes:
            return None
        batch = progress.batch if progress.batch is not None else self.stage.batches.at(at)
        heard: list[Reading] = []

        def taken(call: LossCall) -> None:
            if not heard and call.number is not None:
                heard.append(answers.read(call, figures, "answers"))

        try:
            with self._as_it_was(rule), rule.at_rest.held(), _watched(layers):
                seed_from(at)
                part = rule.prepare(batch, at).parts(rule.settings.accumulate)[0]
                with overheard(taken, lambda roots, whole: None), autocast(rule.context.device, rule.context.precision):
                    losses = rule.task.objective(rule.model, part)
                slopes: Sequence[Tensor | None] = torch.autograd.grad(_mean(losses), rule.descent.parameters, allow_unused=True)
        except BEYOND as error:
            self.passes = False
            self._give_up("steps", error)
            return None
        add_gradients(figures, self.weights.gradients(dict(zip(map(id, rule.descent.parameters), slopes, strict=True))))
        return heard[0] if heard else None

    def _looking(self, progress: Progress) -> bool:
        """An evaluation was just made, beside which held-out rows are looked at."""
        evaluated = len(progress.history)
        if evaluated <= self._heard:
            return False
        self._heard = evaluated
        return self.rule is not None and (evaluated % self._rarely(progress) == 0 or progress.stop)

    def _look(self, progress: Progress) -> None:
        """The held-out loss and answers on one batch; what ships is in evaluation mode meanwhile."""
        rule, batch = self.rule, next(islice(self.held_out, 1), None)
        self._flush(progress.position.total, whole=False)
        if rule is None or batch is None or not self.looks:
            return
        evaluations, modes, at = Evaluations(), set_evaluating(rule.shipped), progress.position.inside("held out")
        try:
            with self._as_it_was(rule), torch.set_grad_enabled(rule.task.needs_gradients):
                seed_from(at)
                with overheard(evaluations.add, lambda roots, whole: None):
                    losses = rule.task.objective(rule.shipped, rule.prepare(batch, at))
        except BEYOND as error:
            self.looks = False
            self._give_up("held-out rows", error)
            return
        finally:
            restore_modes(modes)
        line = evaluations.line(progress.position.step, "")
        loss = rounded(float(_mean(losses).detach()))
        self._tell(line.model_copy(update={"loss": loss, "rows": line.rows or batch.size}))

    def _give_up(self, what: str, error: Exception) -> None:
        self.talk.keep("doctor", f"{what} are not looked into any more: {type(error).__name__}: {first_line(error)}")

    def _rarely(self, progress: Progress) -> int:
        """Evaluations from one look to the next, so that a stage has about `LOOKS`."""
        done = max(progress.position.step, 1)
        return max(1, round(len(progress.history) * progress.position.total / done / LOOKS))

    @contextmanager
    def _as_it_was(self, rule: GradientRule) -> Iterator[None]:
        """What the model and a loss of the user's own hold, in buffers and in Python, is put back; so is the random state."""
        loss = rule.task.loss.function if isinstance(rule.task.loss, OwnLoss) else rule.task.loss
        losses = list(loss.modules()) if isinstance(loss, nn.Module) else [loss]
        holding = [vars(one) for one in (*rule.model.modules(), *losses) if isinstance(getattr(one, "__dict__", None), dict)]
        former = [(now, dict(now)) for now in holding]
        try:
            with unchanged(rule.model), unchanged(loss) if isinstance(loss, nn.Module) else nullcontext():
                yield
        finally:
            for now, was in former:
                now.clear()
                now.update(was)

    def _say(self) -> None:
        """Say once what is grave, while there is still something to be done about it."""
        for one in told_at_once(self._trace()):
            if one["name"] not in self.said:
                self.said.append(one["name"])
                self.talk.warn(f"{one['what']}: {one['fix']}")

    def _stills(self) -> Stills | None:
        if self.rule is None or "class" not in self.stage.named:
            return None  # what stands still in a net of ours does so on purpose
        called = [one.layer for one in self.weights.held]
        optimizer, peaks = self.rule.descent.optimizer, self.rule.descent.peaks
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            self.weights.learn(group["params"] if peak else ())
        return Stills(step=self.stage.progress.position.step, matrices=self.weights.stills(optimizer, called))

    def _probe(self, start: Start) -> AnyLine:
        rule = self.rule
        assert rule is not None
        at = self.stage.progress.position.inside("probe")
        first = replace(self.stage.progress.position, step=0, epoch=0, index=0)
        batch = rule.prepare(self.stage.batches.at(first), at)
        part = batch.cut(0, min(ROWS, batch.size))

        def loss(weights: dict[str, Tensor]) -> Tensor:
            return _mean(rule.task.objective(_Called(rule.model, weights), part))

        with self._as_it_was(rule):
            return probed(rule.model, start.weights, Lesson(loss, part.size))

    def _trace(self) -> Trace:
        if self.lines is None:
            self.lines = list(self.former())
        return Trace.of(self.lines)

    def _tell(self, line: AnyLine) -> None:
        if self.lines is None:
            self.lines = list(self.former())
        self.lines.append(line)
        self.record(
            {"stage": self.stage.progress.position.stage}
            | line.model_dump(mode="json", exclude_defaults=True)
            | {"kind": line.kind}
        )


class _Called:
    """A model called with other weights."""

    def __init__(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        self.model, self.weights = model, weights

    def __call__(self, *given: Any, **named: Any) -> Any:
        return functional_call(self.model, self.weights, given, named)


@contextmanager
def _watched(layers: LayersLook) -> Iterator[None]:
    layers.attach()
    try:
        yield
    finally:
        layers.remove()


def _mean(losses: Losses) -> Tensor:
    """() of what examples count for."""
    return (losses.loss * losses.weight).sum() / losses.weight.sum().clamp(min=1e-12)


def _plain(rule: GradientRule) -> bool:
    """The rule steps by the slope of its task's objective, and by nothing else."""
    own = type(rule)
    return own.slope is GradientRule.slope and own.step is GradientRule.step and own.prepare is GradientRule.prepare


def _gap(total: int) -> int:
    return max(NEAR, -(-total // SAMPLES))


def _wanted(step: int, total: int) -> bool:
    """The step after so many is sampled."""
    return step in FIRST or (step > FIRST[-1] and step % _gap(total) == 0)
