"""Divergence: a step that was not finite, told at once by its step, examples, first bad layer, likely cause and remedy.

The guard of the descent spared weights, statistics and averages, so the step can be taken again under watch: same batch, same
weights, same random state. A healthy step costs nothing more than the look at whether it was finite.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from thalweg.core.device import autocast
from thalweg.core.errors import TrainingRefusal
from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch
from thalweg.optimizers._descent import Descent
from thalweg.rules._gradient import GradientRule, slope_of
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Losses
from thalweg.training.layer_calls import LayerCalls, finite, spoilt, spoilt_memory, traced, unchanged
from thalweg.training.loop import Progress

DIVERGED = "diverged"
MOST = 4
"""Spared steps in a row that end a run, however few of their examples are bad."""
MOST_SCALED = 20
"""The same where float16 scales its losses: a scale that is too large is halved at each of them."""
SHARE = 0.01
"""Of all steps, spared ones beyond which a run is ended: it would hide that it hardly learns."""
LARGE, LARGE_HALF = 1e8, 1e4
"""Numbers above which sums and squares soon leave what floats hold: in float32 and wider, and in float16."""
PIECES = 32
"""Pieces of a batch that are tried one by one where its losses are finite and its slope is not."""


@dataclass(frozen=True)
class Fault:
    """Why a step was not finite.

    Attributes:
        what: the first thing that was not finite, in words.
        place: the layer, field or tensor.
        cause: what most likely made it so.
        fix: what to change.
        rows: numbers of the bad examples, in the data or, for drawn ones, in the batch.
        every: all examples are bad, or the weights are, so that the next step will be too.
    """

    what: str
    place: str
    cause: str
    fix: str
    rows: Sequence[int] = field(default_factory=tuple)
    every: bool = False

    @property
    def examples(self) -> str:
        """The bad examples, the first five by number."""
        if not self.rows:
            return ""
        more = f" and {len(self.rows) - 5:,} more" if len(self.rows) > 5 else ""
        return f"example{'s' if len(self.rows) > 1 else ''} {', '.join(f'{row:,}' for row in self.rows[:5])}{more}"


class Divergence:
    """Watches for steps that were not finite: tells the first at once, and asks to stop where the next cannot go better.

    Args:
        warn: hears of a step that was spared while the run goes on.
        most: spared steps in a row that end the run.

    Attributes:
        refusal: what ended the run; None while nothing did.
    """

    def __init__(self, warn: Callable[[str], None], *, most: int = MOST) -> None:
        self.warn, self.most = warn, most
        self.skipped, self.spared = 0, 0
        self.refusal: TrainingRefusal | None = None

    def __call__(self, progress: Progress, rule: Rule) -> None:
        if _sound(progress):
            self.skipped = 0
            if _evaluated(progress) and (bad := spoilt(rule)):
                self._stop(_spoilt(rule, bad), progress)
            return
        self.skipped, self.spared = self.skipped + 1, self.spared + 1
        fault = examined(rule, progress)
        at_once = fault.every and self.most == MOST
        too_often = self.spared > max(self.most, SHARE * progress.position.total)
        if at_once or self.skipped >= self.most or too_often:
            self._stop(fault, progress)
        elif self.spared == 1:
            place = ", ".join(filter(None, [fault.place, fault.examples]))
            self.warn(
                f"step {progress.position.step} was not finite and changed nothing: {fault.what} ({place}); {fault.cause}"
            )

    def _stop(self, fault: Fault, progress: Progress) -> None:
        self.refusal = refused(fault, progress, self.spared)
        progress.stopped = DIVERGED

    def due(self, progress: Progress) -> float:
        return math.inf  # a program leaves such a step to the rule

    def state_dict(self) -> dict[str, Any]:
        return {"skipped": self.skipped, "spared": self.spared}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.skipped, self.spared = state["skipped"], state.get("spared", 0)


def examined(rule: Rule, progress: Progress) -> Fault:
    """Why the last step was not finite, found by taking its forward and backward pass again under watch; nothing is changed."""
    bad = spoilt(rule)
    if bad:
        return _spoilt(rule, bad)
    batch, at = progress.batch, progress.at
    assert batch is not None
    assert at is not None
    if not isinstance(rule, GradientRule):
        return _unknown(rule, at)
    rates = rule.descent.rates(at)
    if not all(map(math.isfinite, rates)):
        told = f"the schedule of the rate gives {rates[0]}"
        return Fault("the learning rate is not finite", f"step {at.step + 1}", told, "--set rule.schedule=constant", every=True)
    with unchanged(rule.model), traced(rule.model) as trace:
        seed_from(at)
        batch = rule.prepare(batch, at)
        with autocast(rule.context.device, rule.context.precision):
            losses = rule.task.objective(rule.model, batch)
        return _fault(rule, batch, at, losses, trace)


def _spoilt(rule: Rule, bad: Sequence[str]) -> Fault:
    """Something else than a step wrote what is not finite into weights, averages, statistics or what an optimizer remembers."""
    memory = spoilt_memory(rule)
    first = memory or bad
    return Fault(
        "what the optimizer remembers is not finite" if memory else "weights are not finite",
        f"{'weights ' * (not memory)}{', '.join(first[:3])}",
        "something other than a step wrote into them: steps that are not finite are spared",
        "look for code that changes parameters, and go on from a checkpoint: --resume",
        every=True,
    )


def _sound(progress: Progress) -> bool:
    """The last step was finite, as far as it says so; of rules that spare nothing, its loss was."""
    reported = progress.report.get("finite")
    if reported is not None:
        return bool(reported)
    loss = progress.report.get("loss")
    return loss is None or bool(torch.isfinite(loss))


def _evaluated(progress: Progress) -> bool:
    """What ships was measured after the last step."""
    last = progress.history[-1] if progress.history else {}
    return (last.get("stage"), last.get("step")) == (progress.position.stage, progress.position.step)


def _fault(rule: GradientRule, batch: Batch, at: Position, losses: Losses, trace: LayerCalls) -> Fault:
    wrong = ~torch.isfinite(losses.loss.detach())
    rows = _numbers(batch, wrong)
    every = _everywhere(rule, wrong)
    fields = [name for name, one in batch.items() if not finite(one)]
    if fields:
        look = "the batch holds NaN or infinity: the data, an augmentation or what the task draws"
        return Fault("the batch is not finite", f"field {', '.join(fields)}", look, "look at these examples", rows, every)
    if not bool(wrong.any()):
        return _slope_fault(rule, batch, at, losses, trace)
    where = trace.bad
    place = "the loss" if where is None else f"layer {where.name}: {where.layer}"
    largest = where.largest if where is not None else _largest(trace.answer)
    if largest > _limit(rule):
        return _overflown(rule, at, place, largest, rows, every)
    return Fault(
        "the loss is not finite",
        place,
        "a division by zero, or the logarithm or root of a number that is zero or below",
        f"add a little before it there (x.clamp(min=1e-6).log()), or {_lower(rule, at)}",
        rows,
        every,
    )


def _slope_fault(rule: GradientRule, batch: Batch, at: Position, losses: Losses, trace: LayerCalls) -> Fault:
    """Losses are finite: which layer's slope is not, the one nearest to the loss."""
    slope = slope_of(losses, rule.descent)
    bad = {name.rpartition(".")[0] for name, one in zip(rule.trained, slope.gradients, strict=True) if not finite(one)}
    if not bad:
        return _unknown(rule, at)
    nearest = next((name for name in reversed(trace.order) if name in bad), sorted(bad)[0])
    rows, every = _rows_of_bad_slopes(rule, batch)
    place = f"slope of layer {nearest or 'the model itself'}"
    largest = max(_largest(trace.answer), max(_largest(one) for one in rule.descent.parameters))
    if largest > _limit(rule):
        return _overflown(rule, at, place, largest, rows, every)
    return Fault(
        "the slope is not finite, though the loss is",
        place,
        "a root, norm or power at zero, whose slope is infinite, in that layer or behind it",
        f"add a little before it ((x + 1e-8).sqrt()), or {_lower(rule, at)}",
        rows,
        every,
    )


def _rows_of_bad_slopes(rule: GradientRule, batch: Batch) -> tuple[list[int], bool]:
    """The examples of those pieces of a batch whose slope is not finite, and whether that is all."""
    pieces = batch.parts(max(1, min(PIECES, batch.size // 2)))  # two rows at least: one has no variance to normalise by
    bad = [piece for piece in pieces if not all(finite(one) for one in rule.slope(piece).gradients)]
    rows = [row for piece in bad for row in _numbers(piece, torch.ones(piece.size, dtype=torch.bool))]
    alone = rule.context.processes.world == 1
    return rows, len(bad) == len(pieces) or not bad or not alone


def _everywhere(rule: Rule, wrong: Tensor) -> bool:
    """Every row of the batch is bad, on all processes."""
    counted, bad = rule.context.processes.sum([torch.tensor(float(len(wrong))), wrong.sum().cpu().float()])
    return bool(bad == counted)


def _overflown(rule: GradientRule, at: Position, place: str, largest: float, rows: Sequence[int], every: bool) -> Fault:
    return Fault(
        "numbers left the range that floats hold",
        place,
        f"weights or activations have grown to {largest:.1g}: the learning rate is too high",
        _lower(rule, at),
        rows,
        every,
    )


def _unknown(rule: Rule, at: Position) -> Fault:
    cause = "nothing is learned from steps that are not finite"
    return Fault("the loss or its slope is not finite", "the weights are still finite", cause, _lower(rule, at))


def _lower(rule: Rule, at: Position) -> str:
    """A lower rate, with the number; and what else bounds a step."""
    descents = [one for one in rule.learned.values() if isinstance(one, Descent)]
    peak = max((peak for one in descents for peak in one.peaks), default=0.0)
    lower = f"a lower rate (--lr {peak / 10:g} or less; it was {peak:g})" if peak else "a lower rate (--lr)"
    if rule.context.precision == "float16":
        return f"{lower}, or a wider range (--precision bfloat16 or float32)"
    clipped = any(one.settings.clip is not None for one in descents)
    return lower + ("" if clipped else ", or clipping (--set rule.clip=1)")


def refused(fault: Fault, progress: Progress, spared: int) -> TrainingRefusal:
    """The refusal, ready to raise, of a training that cannot go on."""
    position = progress.position
    often = f", after {spared - 1} other{'s' if spared > 2 else ''} that changed nothing" if spared > 1 else ""
    return TrainingRefusal(
        "TRAIN_DIVERGED",
        f"{fault.what}, at step {position.step}{often}",
        where=", ".join(filter(None, [fault.place, fault.examples, f"stage {position.stage}"])),
        why=f"{fault.cause}; the weights of the step before and earlier checkpoints are kept",
        fix=fault.fix,
        details={"step": position.step, "stage": position.stage, "rows": list(fault.rows[:1000]), "spared": spared},
    )


def _numbers(batch: Batch, chosen: Tensor) -> list[int]:
    """Numbers of the chosen rows (B,) in the data, or in the batch where its rows have none there."""
    places = chosen.cpu().nonzero().flatten()
    found: list[int] = (places + batch.start if batch.rows is None else batch.rows[places]).tolist()
    return found


def _limit(rule: Rule) -> float:
    return LARGE_HALF if rule.context.precision == "float16" else LARGE


def _largest(answer: Any) -> float:  # noqa: ANN401 - whatever a model gave
    """The largest number of a tensor by its size; 0 of what is none."""
    if not isinstance(answer, Tensor) or not answer.numel():
        return 0.0
    value = float(answer.detach().abs().max())
    return value if value == value else float("inf")
