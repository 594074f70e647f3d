"""A trace: all that was read of one training, and the figures that the faults judge by."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import Any

from pydantic import TypeAdapter, ValidationError

from thalweg.core.errors import PackageRefusal
from thalweg.doctor.lines import (
    Answers,
    AnyLine,
    Evaluation,
    Labels,
    Layer,
    Net,
    NotFinite,
    Probe,
    Sample,
    Steps,
    Stills,
    Waiting,
)

LINES: TypeAdapter[AnyLine] = TypeAdapter(AnyLine)
EARLY = 6
"""Samples at the start by which steps and gradients are judged."""
COUNTED = ("Linear", "Conv1d", "Conv2d", "Conv3d")
"""Layers by which a net's width is told."""
RECURRENT = ("RNN", "GRU", "LSTM")
"""Layers whose width is told by what a counted one takes in behind them: states of both directions side by side."""
SETTLED, HIGH = 100, 0.6
"""Steps after which a loss that is that much of that of who knows nothing counts as high."""
STEADY = (1e-4, 0.1)
"""Steps by which weights move, as a share of their size, where rates work."""


@dataclass(frozen=True)
class Trace:
    """What was read of a training.

    Attributes:
        steps: taken.
        points: training losses by step; infinite where one was not finite, steps whose loss was not seen left out.
        stills: matrices that never changed, when that was last looked at.
        spoilt: the first loss that was not finite, where it was looked into (foreign loops, on the CPU).
    """

    net: Net | None = None
    runs: Sequence[Steps] = ()
    samples: Sequence[Sample] = ()
    evaluations: Sequence[Evaluation] = ()
    stills: Stills | None = None
    probe: Probe | None = None
    waiting: Waiting | None = None
    points: Sequence[tuple[int, float]] = field(default_factory=tuple)
    spoilt: NotFinite | None = None

    @staticmethod
    def of(lines: Iterable[AnyLine]) -> "Trace":
        """The trace that lines make."""
        told = list(lines)
        runs = [one for one in told if isinstance(one, Steps)]
        return Trace(
            next((one for one in told if isinstance(one, Net)), None),
            runs,
            [one for one in told if isinstance(one, Sample)],
            [one for one in told if isinstance(one, Evaluation)],
            next((one for one in reversed(told) if isinstance(one, Stills)), None),
            next((one for one in reversed(told) if isinstance(one, Probe)), None),
            next((one for one in reversed(told) if isinstance(one, Waiting)), None),
            [point for one in runs for point in _points(one)],
            next((one for one in told if isinstance(one, NotFinite)), None),
        )

    @cached_property
    def steps(self) -> int:
        return sum(one.each * len(one.losses) for one in self.runs)

    @cached_property
    def losses(self) -> Sequence[float]:
        """The training losses in order."""
        return [loss for _, loss in self.points]

    def between(self, first: int, last: int) -> Sequence[float]:
        """The losses of steps from one to before another."""
        return [loss for step, loss in self.points if first <= step < last]

    @property
    def diverged(self) -> int | None:
        """The first step whose loss was not finite."""
        return next((one.not_finite[0] for one in self.runs if one.not_finite), None)

    @property
    def first(self) -> float:
        """The first loss; infinite where none was seen."""
        return self.losses[0] if self.losses else math.inf

    @cached_property
    def early(self) -> float:
        """The median of the first five losses."""
        return median(self.losses[:5]) if self.losses else math.inf

    @cached_property
    def late(self) -> float:
        """The median of the last tenth of losses, of five at least."""
        return median(self.losses[-max(5, len(self.losses) // 10) :]) if self.losses else math.inf

    @cached_property
    def answers(self) -> Answers | None:
        """What the loss was given in the first sample that saw it."""
        return next((one.answers for one in self.samples if one.answers is not None), None)

    @property
    def classes(self) -> int | None:
        """How many classes are told apart; None where no cross-entropy was seen."""
        return self.answers.classes if self.answers is not None else None

    @cached_property
    def labels(self) -> Labels | None:
        """The labels of all samples."""
        return next((one.labels for one in reversed(self.samples) if one.labels is not None), None)

    @property
    def chance(self) -> float:
        """The accuracy of who always says the commonest class."""
        return max(self.labels.majority if self.labels else 0.0, 1 / (self.classes or 1))

    @property
    def base(self) -> float:
        """The loss of who knows nothing but how common each class is; without classes that of the first steps."""
        return self.labels.entropy if self.labels is not None else self.early

    @property
    def unknowing(self) -> float | None:
        """The loss of who knows no more than what the targets are like in all; None where that is not known."""
        if self.labels is not None:
            return self.labels.entropy
        return self.held_out[-1].variance if self.held_out else None

    @property
    def labels_seen(self) -> int:
        """How many labels of classes were looked into: by these it is known how common each class is."""
        return sum(one.answers.rows for one in self.samples if one.answers is not None and one.answers.hard)

    @property
    def stays_high(self) -> bool:
        """Little has been learned, though steps enough were taken."""
        return bool(self.samples) and self.samples[-1].step >= SETTLED and self.late > HIGH * self.base

    @property
    def at_chance(self) -> float | None:
        """The loss of who holds all classes for equally likely, ln K."""
        return math.log(self.classes) if self.classes is not None and self.classes > 1 else None

    @cached_property
    def ratios(self) -> Sequence[float]:
        """How far each sampled step moved the weights, as a share of their size."""
        return [one.ratio for one in self.samples if one.ratio is not None]

    @cached_property
    def early_ratio(self) -> float | None:
        return median(self.ratios[:EARLY]) if self.ratios else None

    @cached_property
    def fastest(self) -> float | None:
        """The second largest of the sampled moves, wherever a schedule puts it: the largest may be chance."""
        ordered = sorted(self.ratios, reverse=True)
        return ordered[min(1, len(ordered) - 1)] if ordered else None

    @cached_property
    def ratio(self) -> float | None:
        return median(self.ratios) if self.ratios else None

    @property
    def works(self) -> bool:
        """Steps are of a usual size."""
        if self.early_ratio is None or self.ratio is None:
            return False
        least, most = sorted((self.early_ratio, self.ratio))
        return most > STEADY[0] and least < STEADY[1]  # some begin with larger steps, others with smaller ones (warm-up, RAdam)

    @cached_property
    def narrowest(self) -> int | None:
        """Units of the narrowest layer that another takes in; None where there is none, as of one that weighs places."""
        if self.net is None or not self.samples:
            return None
        shapes = {one.layer: one.shape for one in self.net.matrices}
        called = [one for one in self.samples[0].layers if one.type in COUNTED + RECURRENT and one.name in shapes]
        return min((width for one, after in pairwise(called) if (width := _width(one, shapes, after))), default=None)

    @cached_property
    def held_out(self) -> Sequence[Evaluation]:
        """Evaluations whose loss is known."""
        return [one for one in self.evaluations if one.loss is not None]


def read_trace(values: Sequence[Mapping[str, Any]], *, where: str) -> list[AnyLine]:
    """The lines of a trace from the values in a file.

    Raises:
        PackageRefusal: one of them is none.
    """
    try:
        return [LINES.validate_python(one) for one in values]
    except ValidationError as error:
        raise PackageRefusal(
            "TRACE_DAMAGED",
            f"a line is none of a trace: {error.errors()[0]['msg']}",
            where=where,
            why="it would be judged by what nobody measured",
            fix="delete the file; everything else of the run stays as it is",
        ) from None


def _width(layer: Layer, shapes: Mapping[str, Sequence[int]], after: Layer) -> int:
    """Units of a layer whose output the next takes in, as it is or places side by side; 0 where it does not."""
    if after.type in RECURRENT:
        return 0
    units, inputs = shapes[layer.name][0], shapes[after.name][1]
    if layer.type in RECURRENT:
        return inputs
    return units if inputs == units or (layer.type.startswith("Conv") and inputs % units == 0) else 0


def _points(run: Steps) -> Iterable[tuple[int, float]]:
    spoilt = set(run.not_finite)
    for number, loss in enumerate(run.losses):
        step = run.first + number * run.each
        if loss is not None or step in spoilt:
            yield step, math.inf if loss is None else loss
