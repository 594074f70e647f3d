"""The margin: the difference that counts as none, fixed before the test part is read."""

import math
from typing import Any

from thalweg.core.errors import UsageRefusal
from thalweg.metrics._metric import Metric


def margin_of(metric: Metric[Any], validation: float | None, given: str | None = None) -> float:
    """The margin in the metric's own unit.

    Args:
        validation: the opponent's value on the validation part.
        given: what the user asked for: a number in the metric's unit ("0.02"), or a share of the opponent's value ("2%").

    Raises:
        UsageRefusal: `given` is no such number, or negative.
    """
    if given is not None and str(given).strip():
        return _read(str(given).strip(), validation)
    return _default(metric, 0.0 if validation is None else validation)


def _default(metric: Metric[Any], value: float) -> float:
    facts = metric.declaration.facts  # type: ignore[attr-defined]
    if facts.get("best") is None:
        return 0.05 * abs(value)
    if facts["unit"] != "share":
        return 0.02 * abs(value)
    if facts["better"] == "higher":
        return max(0.001, min(0.01, (1 - value) / 5))
    return min(0.01, value / 10)


def _read(given: str, validation: float | None) -> float:
    share = given.endswith("%")
    try:
        number = float(given.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise UsageRefusal(
            "MARGIN_INVALID",
            f'the margin "{given[:40]}" is no number from 0 upwards',
            where="--margin",
            why="it says which difference counts as none",
            fix="give it in the metric's unit (--margin 0.02) or as a share of the opponent's value (--margin 2%)",
        )
    return number / 100 * abs(validation or 0.0) if share else number
