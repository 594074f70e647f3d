"""Figures as people read them: as many digits as the interval supports, shares in percent, a minus that is one."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from thalweg.evaluation.leaving_out import form
from thalweg.metrics._metric import Metric

IN_PERCENT = ("proportion", "f1", "classes", "counts")
"""The forms of interval whose metrics are shown in percent; other shares (areas, R²) are shown as they are."""

MOST, MOST_OF_PERCENT = 6, 3
"""Digits after the point, at most: of figures as they are, and of percent."""
UNDER = "under"

STAR = "* fitted on fewer rows than the net"
"""What the star at a baseline's title means."""


@dataclass(frozen=True)
class Unit:
    """How figures of a metric are written.

    Attributes:
        name: the metric's name as a part.
        title: what people call it.
        percent: values in percent, differences in points.
        better: higher or lower.
        says: how a sentence puts it ("is right in"); empty where the title must do.
    """

    name: str
    title: str
    percent: bool
    better: str
    says: str = ""

    @staticmethod
    def of(metric: Metric[Any]) -> "Unit":
        """The unit that a metric's declaration asks for."""
        declaration = metric.declaration  # type: ignore[attr-defined]
        facts = declaration.facts
        percent = facts["unit"] == "share" and (form(metric) in IN_PERCENT or facts["better"] == "lower")
        title = facts.get("title", declaration.name.replace("-", " "))
        return Unit(declaration.name, title, percent, facts["better"], facts.get("says", ""))

    def as_json(self) -> dict[str, Any]:
        """The unit as JSON values; `Unit(**...)` takes them."""
        return asdict(self)

    def value(self, value: float | None, half: float | None) -> str:
        """A value with its unit: `87.4 %`, `0.928`."""
        if value is None:
            return "undefined"
        shown = self._written(value, digits(half, percent=self.percent))
        return f"{shown} %" if self.percent else shown

    def range(self, low: float, high: float) -> str:
        """Two ends of an interval without their unit: `86.8 – 88.1`."""
        count = digits((high - low) / 2, percent=self.percent)
        ends = [self._written(low, count), self._written(high, count)]
        return ends[0] if ends[0] == ends[1] and ends[0].startswith(UNDER) else " – ".join(ends)

    def _written(self, value: float, count: int) -> str:
        """A value with that many digits; more than nothing is not written as nothing where these are the most there are."""
        number, most = (100 * value, MOST_OF_PERCENT) if self.percent else (value, MOST)
        least = 10.0**-most
        return f"{UNDER} {least:.{most}f}" if count == most and 0 < number < least / 2 else written(number, count)

    def gap(self, gap: float, half: float, *, named: bool = True) -> str:
        """A difference: `1.0 points`, `0.28`; without its unit where that is not to be named."""
        if not self.percent:
            return written(gap, digits(half, percent=False))
        shown = written(100 * gap, max(1, digits(half, percent=True)))
        return f"{shown} points" if named else shown

    def margin(self, margin: float) -> str:
        """The margin in as few digits as it has: `1 point`, `0.02`."""
        shown = short(100 * margin if self.percent else margin, 2)
        return f"{shown} point{'' if shown == '1' else 's'}" if self.percent else shown


def starred(title: str, one: Mapping[str, Any]) -> str:
    """A baseline's title in a table: with a star where it was fitted on fewer training rows than the net."""
    return f"{title} *" if (one.get("rows") or 0) < (one.get("of_rows") or 0) else title


def digits(half: float | None, *, percent: bool) -> int:
    """Digits after the point that an interval of that half-width supports."""
    if half is None or not math.isfinite(half) or half <= 0:
        return 1 if percent else 3
    if percent:
        return 0 if half >= 0.05 else min(MOST_OF_PERCENT, max(1, -math.floor(math.log10(100 * half))))
    return min(MOST, max(0, 1 - math.floor(math.log10(half))))


def short(number: float, count: int = 4) -> str:
    """A number in so many digits that count, thousands separated: `0.33`, `13,090`."""
    return f"{float(f'{number:.{count}g}'):,.10g}".replace("-", "−")


def written(number: float, count: int) -> str:
    """A number with that many digits after the point, thousands separated, minus as −."""
    text = f"{number:,.{count}f}"
    if float(text.replace(",", "")) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")
