"""From what processes told to two tables: medians, their ends over the rounds, and ratios paired by round.

A tool's value in a round is the median over its epochs after the first. Between brackets stand the least and the largest round.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.job import Tool, Workload
from benchmarks.peers.measuring import Found

OURS = "thalweg"
Key = tuple[str, str]
"""A tool and its variant."""


@dataclass(frozen=True)
class Row:
    """What a variant of a tool reached on one workload.

    Attributes:
        rates: round to examples per second.
        cold: round to seconds of a whole process, nothing built before.
        warm: the same with what an earlier one built; empty where the variant builds nothing.
        scores: of the whole trainings, one each.
    """

    tool: str
    variant: str
    rates: Mapping[int, float]
    cold: Mapping[int, float]
    warm: Mapping[int, float]
    scores: Sequence[float]

    @property
    def rate(self) -> float:
        """The median over rounds."""
        return median(self.rates.values())

    @property
    def again(self) -> Mapping[int, float]:
        """Seconds of a whole process that was not the first: warm where that is another thing."""
        return self.warm or self.cold


def rows(found: Sequence[Found], workload: str) -> dict[Key, Row]:
    """What each tool and variant reached on a workload; those of which no process came to an end are left out."""
    made: dict[Key, Row] = {}
    of_it = [one for one in found if one.turn.workload == workload and not one.failed]
    for key in dict.fromkeys((one.turn.tool, one.turn.variant) for one in of_it):
        mine = [one for one in of_it if (one.turn.tool, one.turn.variant) == key]
        whole = [one for one in mine if one.turn.kind != "rate"]
        rates = {one.round: median(one.rates) for one in mine if one.turn.kind != "whole" and one.rates}
        cold = {one.round: one.seconds for one in whole if one.turn.cache != "warm"}
        warm = {one.round: one.seconds for one in whole if one.turn.cache == "warm"}
        made[key] = Row(*key, rates, cold, warm, [one.score for one in whole if one.score is not None])
    return {key: one for key, one in made.items() if one.rates and one.again}


def best(of: Mapping[Key, Row], value: Callable[[Row], float]) -> dict[str, Row]:
    """Of each tool the variant in which a value is largest."""
    found: dict[str, Row] = {}
    for row in of.values():
        if row.tool not in found or value(row) > value(found[row.tool]):
            found[row.tool] = row
    return found


@dataclass(frozen=True)
class Ratio:
    """A median of ratios paired by round, with the least and the largest."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} – {self.high:.2f})"


def ratio(one: Mapping[int, float], other: Mapping[int, float]) -> Ratio | None:
    """How many times as large one is as the other, round by round; None where they share no round."""
    both = [one[number] / other[number] for number in one if number in other]
    return Ratio(median(both), min(both), max(both)) if both else None


def geometric_mean(values: Sequence[float]) -> float:
    """The root of the product of positive values."""
    return math.exp(sum(map(math.log, values)) / len(values))


def spread(values: Mapping[int, float]) -> str:
    """A median and, of several rounds, the ends."""
    if not values:
        return ""
    low, middle, high = min(values.values()), median(values.values()), max(values.values())
    return f"{figure(middle)} ({figure(low)} – {figure(high)})" if len(values) > 1 else figure(middle)


def figure(value: float) -> str:
    """Three figures, thousands as such."""
    if value >= 100_000:
        return f"{value / 1000:.0f} k"
    if value >= 1_000:
        return f"{value / 1000:.3g} k"
    return f"{value:.3g}"


def table(work: Workload, shown: Sequence[Row], tools: Mapping[str, Tool]) -> list[str]:
    """One workload: a line for each row, the fastest first, with ratios to ours."""
    ours = next((row for row in shown if row.tool == OURS), None)
    heads = (
        work.title,
        "setting",
        f"{work.unit}/s",
        "ours faster by",
        "whole process, s",
        "again, s",
        "ours faster by",
        work.score,
    )
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in sorted(shown, key=lambda row: -row.rate):
        said = tools[row.tool].variant(row.variant).said
        rate = ratio(ours.rates, row.rates) if ours and row.tool != OURS else None
        time = ratio(row.again, ours.again) if ours and row.tool != OURS else None
        score = f"{median(row.scores):.3f}" if row.scores else ""
        name = f"**{tools[row.tool].title}**" if row.tool == OURS else tools[row.tool].title
        cells = [name, said, spread(row.rates), rate or "", spread(row.cold), spread(row.warm), time or "", score]
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return lines


def summary(shown: Mapping[str, Sequence[Row]], tools: Mapping[str, Tool]) -> list[str]:
    """Over all workloads: by how many times ours is faster than each tool, as geometric means."""
    lines = ["| against | rate | whole process | workloads |", "|---|---|---|---|"]
    for name in tools:
        rates, times = [], []
        for found in shown.values():
            mine, other = (next((row for row in found if row.tool == one), None) for one in (OURS, name))
            if name == OURS or mine is None or other is None:
                continue
            rates += [made.middle for made in [ratio(mine.rates, other.rates)] if made]
            times += [made.middle for made in [ratio(other.again, mine.again)] if made]
        if rates and times:
            means = f"{geometric_mean(rates):.2f} | {geometric_mean(times):.2f}"
            lines.append(f"| {tools[name].title} | {means} | {len(rates)} |")
    return lines if len(lines) > 2 else []
