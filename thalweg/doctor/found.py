"""What a fault says of a trace."""

from dataclasses import dataclass
from typing import Literal

Sure = Literal["certain", "sure", "likely"]


@dataclass(frozen=True)
class Found:
    """A fault that holds.

    Attributes:
        what: the fact, with the numbers that were measured.
        where: the layer, or the steps.
        why: what it does to the training.
        fix: the first remedy.
        setting: the same remedy as a setting of a run of ours; empty where it is none.
        late: it came about in training, so that what drove it there explains it.
    """

    what: str
    where: str
    why: str
    fix: str
    sure: Sure
    setting: str = ""
    late: bool = False


@dataclass(frozen=True)
class Unprobed:
    """A fault that holds only if the probe says so, which was not run yet."""


def shown(value: float | None) -> str:
    """A number as people read it: three figures."""
    return "not finite" if value is None or value in (float("inf"), float("-inf")) or value != value else f"{value:.3g}"


def counted(number: int, what: str) -> str:
    """So many of a kind: `1 unit`, `2 units`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def percent(share: float) -> str:
    """A share in whole percent."""
    return f"{100 * share:.0f} %"
