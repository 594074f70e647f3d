"""The axis on which a net and its baselines are drawn: no wider than what lies near the best, so that intervals can be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NEAR, FAR = 3, 6
"""What lies further from the best than six times the widest interval of the first three has no place on the axis, as long as
two have one."""

Figure = Mapping[str, Any]
"""A value with its interval as results hold it: `value`, `low` and `high`, the ends None where there are none."""


@dataclass(frozen=True)
class Axis:
    """A range of values."""

    low: float
    high: float

    def holds(self, one: Figure) -> bool:
        """A value and its whole interval lie on the axis."""
        return one.get("value") is not None and self.low <= low_of(one) and high_of(one) <= self.high


def axis_of(own: Figure, others: Sequence[Figure], *, higher: bool) -> Axis:
    """The range that holds the net and all that lie near the best of them; (0, 0) where nothing has a value.

    Args:
        own: the net, which is always drawn.
        higher: the highest value is the best.
    """
    there = [one for one in (own, *others) if one.get("value") is not None]
    ranked = sorted(there, key=lambda one: float(one["value"]), reverse=higher)
    far = FAR * max((high_of(one) - low_of(one) for one in ranked[:NEAR]), default=0.0)
    near = [one for one in ranked if one is own or abs(one["value"] - ranked[0]["value"]) <= far]
    near = near if len(near) > 1 else there
    return Axis(min(map(low_of, near), default=0.0), max(map(high_of, near), default=0.0))


def low_of(one: Figure) -> float:
    """The low end; the value itself where there is no interval."""
    return float(one["value"] if one.get("low") is None else one["low"])


def high_of(one: Figure) -> float:
    """The high end; the value itself where there is no interval."""
    return float(one["value"] if one.get("high") is None else one["high"])
