"""What was looked for in a part of the data only."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Looked:
    """How much of the data one search read.

    Attributes:
        what: what was looked for ("rounded copies").
        number: how many rows or candidates it read; 0 where it was left out.
        whole: how many there are.
        unit: what is counted.
    """

    what: str
    number: int
    whole: int
    unit: str = "rows"

    def __str__(self) -> str:
        return f"{self.what} in {f'{self.number:,}' if self.number else 'none'} of {self.whole:,} {self.unit}"


def shortly(looked: Sequence[Looked]) -> str:
    """All of them in a few words: `in a quick look at 300 of 1,797 rows`; the fewest rows that any search read."""
    rows = [one for one in looked if one.number and one.unit == "rows"]
    if not rows:
        return " in a quick look" if looked else ""
    least = min(rows, key=lambda one: one.number)
    return f" in a quick look at {least.number:,} of {least.whole:,} rows"
