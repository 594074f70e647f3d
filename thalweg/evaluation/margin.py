"""The margin: the difference that counts as none, fixed before the test part is read."""

from typing import Any

from thalweg.core.errors import UsageRefusal
from thalweg.metrics._margin import FIX, read_margin, refuse_wide
from thalweg.metrics._metric import Metric


def margin_of(metric: Metric[Any], validation: float | None, given: str | None = None) -> float:
    """The margin in the metric's own unit.

    Args:
        validation: the opponent's value on the validation part.
        given: what the user asked for: a number in the metric's unit ("0.02"), or a share of the opponent's value ("2%").

    Raises:
        UsageRefusal: `given` is no such number, negative, or so wide that no difference would count.
    """
    if given is None or not str(given).strip():
        return _default(metric, 0.0 if validation is None else validation)
    declared = metric.declaration  # type: ignore[attr-defined]
    try:
        margin = read_margin(str(given))
    except ValueError as error:
        why = "it says which difference counts as none"
        raise UsageRefusal("MARGIN_INVALID", f"the margin {error}", where="--margin", why=why, fix=FIX) from None
    refuse_wide(margin, declared.name, declared.facts)
    return margin.width(validation)


def _default(metric: Metric[Any], value: float) -> float:
    facts = metric.declaration.facts  # type: ignore[attr-defined]
    if facts.get("best") is None:
        return 0.05 * abs(value)
    if facts["unit"] != "share":
        return 0.02 * abs(value)
    if facts["better"] == "higher":
        return max(0.001, min(0.01, (1 - value) / 5))
    return min(0.01, value / 10)
