"""Spikes: losses and slopes that are finite and far beyond the usual ones. They are told and kept; nothing is stopped."""

import math
import statistics
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from thalweg.optimizers._descent import Descent
from thalweg.rules._rule import Rule
from thalweg.training.loop import Progress

LOSS, SLOPE = 10.0, 1000.0
"""Times the usual loss, and the usual norm of the slope, from which one is a spike."""
OF_FIRST = 0.1
"""Share of the loss that the run began with, below which no loss is a spike: near zero ten times as much is little."""
SEEN, ENOUGH = 64, 16
"""Steps of whose values the median is the usual one, and after how many it is looked at again."""
QUIET = 100
"""Steps after one that was told in which others are only counted."""


class Spikes:
    """Tells of a loss 10 times as large as usual, or of a slope 1,000 times as long.

    Args:
        warn: hears of the first, and of the next after 100 steps.

    Attributes:
        count: how many there were.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn, self.count, self._told = warn, 0, -QUIET
        self.loss, self.slope = _Usual(LOSS), _Usual(SLOPE)
        self._new: dict[str, Any] = {}
        self._least: float | None = None

    def __call__(self, progress: Progress, rule: Rule) -> None:
        step = progress.position.step - len(progress.losses)
        for loss in progress.losses:  # one by one, so that what is remembered does not hang on how a program cuts its steps
            step += 1
            if not math.isfinite(loss):
                continue
            self._least = OF_FIRST * loss if self._least is None else self._least
            if self.loss.beyond(loss) and loss >= self._least:
                self._tell(step, "loss", loss, self.loss.usual, progress)
        for length in _lengths(rule) if progress.report else ():
            if self.slope.beyond(length):
                self._tell(step, "slope", length, self.slope.usual, progress)

    def noted(self) -> dict[str, Any]:
        """For the line of an evaluation: how many came since the last one, and the first of them; nothing where none did."""
        found, self._new = self._new, {}
        return {"spikes": found} if found else {}

    def _tell(self, step: int, of: str, value: float, usual: float, progress: Progress) -> None:
        self.count += 1
        self._new = self._new or {"count": 0, "step": step, "of": of, "value": value, "usual": usual}
        self._new["count"] += 1
        if step - self._told < QUIET:
            return
        self._told = step
        self.warn(
            f"a spike in step {step:,}{_rows(progress)}: {spike_said(of, value, usual)}; learning goes on. "
            "If it does not fall again: a lower rate (--lr) or --set rule.clip=1; if it comes back: look at these examples"
        )

    def due(self, progress: Progress) -> float:
        return math.inf

    def state_dict(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "told": self._told,
            "least": self._least,
            "loss": self.loss.state_dict(),
            "slope": self.slope.state_dict(),
            "new": dict(self._new),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state:  # an earlier version kept none
            self.count, self._told, self._least = state["count"], state["told"], state["least"]
            self.loss.load_state_dict(state["loss"])
            self.slope.load_state_dict(state["slope"])
            self._new = dict(state.get("new") or {})  # an earlier version kept none


class _Usual:
    """The usual value of a series, and whether further ones are far beyond it.

    Attributes:
        usual: the median of the last ones, renewed now and then; 0 before there are enough.
    """

    def __init__(self, times: float) -> None:
        self.times, self.usual, self.new = times, 0.0, 0
        self.seen: deque[float] = deque(maxlen=SEEN)

    def beyond(self, value: float) -> bool:
        """Whether a value is a spike; it counts for later ones."""
        found = 0 < self.times * self.usual <= value
        self.seen.append(value)
        self.new += 1
        if self.new >= ENOUGH:
            self.usual, self.new = statistics.median(self.seen), 0
        return found

    def state_dict(self) -> dict[str, Any]:
        return {"seen": list(self.seen), "usual": self.usual, "new": self.new}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.seen.clear()
        self.seen.extend(state["seen"])
        self.usual, self.new = state["usual"], state["new"]


def spike_said(of: str, value: float, usual: float, *, tense: str = "is") -> str:
    """What is far beyond the usual: the loss, or the slope's length."""
    return f"the {of} {tense} {value:.4g}{' long' if of == 'slope' else ''}, usually {usual:.4g}"


def _lengths(rule: Rule) -> list[float]:
    """The norms of the last slopes, where a step of the rule's own measured them."""
    norms = [one.norm for one in rule.learned.values() if isinstance(one, Descent) and one.norm is not None]
    return [length for norm in norms[:1] if math.isfinite(length := float(norm))]


def _rows(progress: Progress) -> str:
    batch = progress.batch
    if batch is None or batch.rows is None or len(progress.losses) != 1:
        return ""
    first = ", ".join(f"{row:,}" for row in batch.rows[:3].tolist())
    return f" (examples {first} and {batch.size - 3:,} more)" if batch.size > 3 else f" (examples {first})"
