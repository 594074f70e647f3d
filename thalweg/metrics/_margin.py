"""A margin as people write it: the difference between two models that counts as none. Torch is not needed to read one."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from thalweg.core.errors import UsageRefusal

FIX = "give it in the metric's unit (--margin 0.02) or as a share of the opponent's value (--margin 2%)"


@dataclass(frozen=True)
class Margin:
    """A margin that was asked for.

    Attributes:
        number: in the metric's unit; where it is `relative`, a share of the opponent's value, below 1.
    """

    number: float
    relative: bool

    def width(self, opponent: float | None) -> float:
        """The margin in the metric's unit, beside an opponent of that value."""
        return self.number * abs(opponent or 0.0) if self.relative else self.number


def read_margin(given: str) -> Margin:
    """The margin that a text such as "0.02" or "2%" stands for.

    Raises:
        ValueError: it is no number from 0 upwards, or a share of 100 % or more.
    """
    text = given.strip()
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f'"{given[:40]}" is no number from 0 upwards, such as 0.02 or 2%')
    if text.endswith("%") and number >= 100:
        raise ValueError(f'"{given[:40]}" is all that an opponent reaches: below 100% some difference counts')
    return Margin(number / 100, relative=True) if text.endswith("%") else Margin(number, relative=False)


def refuse_wide(margin: Margin, name: str, facts: Mapping[str, Any]) -> None:
    """Refuse a margin in which everything from nothing to perfect lies.

    Args:
        name: the metric that decides.
        facts: what it declares; a share goes from 0 to 1.

    Raises:
        UsageRefusal: the margin is that wide.
    """
    if margin.relative or margin.number < 1 or "share" not in facts["unit"]:
        return
    raise UsageRefusal(
        "MARGIN_INVALID",
        f"the margin {margin.number:g} is wider than all that {name} can differ by: from 0 to 1",
        where="--margin",
        why="every model would be called equivalent to every other",
        fix=FIX,
    )
