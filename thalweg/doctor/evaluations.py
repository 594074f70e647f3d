"""Evaluations: what held-out batches came to between two steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ref

from torch import Tensor

from thalweg.doctor import answers
from thalweg.doctor.answers import LossCall, Reading
from thalweg.doctor.figures import Figures
from thalweg.doctor.lines import Evaluation


@dataclass(frozen=True)
class Part:
    """A batch of an evaluation; its numbers lie among figures under its place.

    Attributes:
        loss: the name of the loss.
    """

    loss: str
    rows: int
    reading: Reading | None = None


class Evaluations:
    """Gathers the losses that no backward pass followed.

    Attributes:
        under_way: the model was called without gradients since the last step.
        parts: batches of the evaluation so far.
    """

    def __init__(self) -> None:
        self.under_way = False
        self.parts: list[Part] = []
        self._figures = Figures()
        self._in_training_mode, self._repeated = False, False
        self._last: ref[Tensor] | None = None

    def entered(self, training_mode: bool, given: Sequence[Any]) -> None:
        """The model is called without gradients."""
        self.under_way = True
        self._in_training_mode |= training_mode
        first = given[0] if given and isinstance(given[0], Tensor) else None
        self._repeated |= first is not None and self._last is not None and self._last() is first
        self._last = None if first is None else ref(first)

    def add(self, call: LossCall) -> None:
        """A batch's loss."""
        place = len(self.parts)
        self._figures.add((place, "loss"), call.value)
        self.parts.append(Part(call.loss, call.rows, answers.read(call, self._figures, place)))

    def add_value(self, loss: str, rows: int, value: Tensor) -> None:
        """A batch of which nothing but the loss is left."""
        self._figures.add((len(self.parts), "loss"), value)
        self.parts.append(Part(loss, rows))

    def line(self, step: int, primary: str) -> Evaluation:
        """What it came to; the loss called `primary` counts where there are several.

        Args:
            step: steps done by now.
        """
        told = self._figures.read()
        numbered = list(enumerate(self.parts))
        numbered = [pair for pair in numbered if pair[1].loss == primary] or numbered
        rows = sum(one.rows for _, one in numbered)
        losses = [(told.get((place, "loss")), one.rows) for place, one in numbered]
        known = [(loss, count) for loss, count in losses if loss is not None]
        loss = sum(loss * count for loss, count in known) / max(1, rows) if len(known) == len(losses) else None
        read = [one.reading.answers(told) for _, one in numbered if one.reading is not None and one.reading.hard]
        errors = sum(one.errors for one in read)
        misplaced = sum((one.misplaced or 0.0) * one.errors for one in read)
        sure_errors = sum(one.sure_errors for one in read)
        sure_misplaced = sum((one.sure_misplaced or 0.0) * one.sure_errors for one in read)
        return Evaluation(
            step=step,
            loss=loss,
            rows=sum(one.rows for one in read) if read else rows,
            errors=errors if read else None,
            misplaced=misplaced / errors if errors else None,
            surest=sum(one.surest for one in read),
            sure_errors=sure_errors,
            sure_misplaced=sure_misplaced / sure_errors if sure_errors else None,
            variance=_variance([(told.get((k, "mean")), told.get((k, "square")), one.rows) for k, one in numbered]),
            columns=max((one.reading.columns for _, one in numbered if one.reading is not None), default=1),
            in_training_mode=self._in_training_mode and not self._repeated,
        )

    def clear(self) -> None:
        """The next begins."""
        if not self.under_way and not self.parts:
            return
        self.under_way, self.parts, self._figures = False, [], Figures()
        self._in_training_mode, self._repeated, self._last = False, False, None


def _variance(parts: Sequence[tuple[float | None, float | None, int]]) -> float | None:
    """Of all targets, from the means and mean squares of parts of so many rows; None where some are not known."""
    known = [(mean, square, rows) for mean, square, rows in parts if mean is not None and square is not None]
    total = sum(rows for _, _, rows in known)
    if len(known) < len(parts) or not total:
        return None
    mean = sum(mean * rows for mean, _, rows in known) / total
    return sum(square * rows for _, square, rows in known) / total - mean * mean
