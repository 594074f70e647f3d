"""Subgroups: where a column splits the examples, whether the model does worse, or better, on some of them than on the rest.

Each subgroup is held against all others by intervals that all these claims together pay for. The largest of all gaps is never
reported: the largest of many looks large wherever there is nothing.

Reference: Zou & Donner 2008, doi:10.1002/sim.3095 (the interval of a difference of two independent estimates); Bonferroni.

Letters: n examples, k statistics of a row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import UsageRefusal, did_you_mean
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.evaluation.clopper_pearson import ALPHA, Ends
from thalweg.evaluation.evaluate import Evaluation
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.leaving_out import form
from thalweg.evaluation.looks import looked
from thalweg.evaluation.one_metric import estimate
from thalweg.evaluation.paired import FEW_EXAMPLES, FEW_UNITS, mover, sign, too_little
from thalweg.fields.column import Column, coded, floats, take
from thalweg.metrics._metric import Metric

VALUES = 12
"""Different numbers up to which each is a subgroup; more are cut into quarters of the examples."""
LISTED = 20
"""Subgroups that are too small, by name, at most."""
ABSENT = "no value"


def subgroups(found: Evaluation, column: Column, name: str, *, look: int = 1) -> dict[str, Any]:
    """The headline of each subgroup beside that of all other examples, as JSON values.

    Args:
        column: (n,) a value for each example that was judged, in their order.
        name: what the column is called.
        look: the number of this look at the examples; all its intervals pay for it.

    Returns:
        `column`, `metric`, `look`, `level` of each interval, `subgroups` (`name`, `rows`, `value`, `low`, `high`, `rest`, and
        the `difference` from the rest, positive where the subgroup is better off, with `difference_low` and
        `difference_high`; `gap`: 0 lies outside), `left_out` (`name`, `rows`, `reason`), `left_out_count`, `sentence`.

    Raises:
        UsageRefusal: the column's values are no single ones.
    """
    metric, rows = found.metrics[found.headline], found.rows[found.headline]
    names, codes = _cut(column, name)
    inside = [torch.from_numpy(codes == code) for code in range(len(names))]
    reasons = [_too_few(metric, rows, mask, found.groups) for mask in inside]
    enough = [place for place, reason in enumerate(reasons) if not reason]
    alpha = ALPHA / look / max(1, len(enough))
    told = [{"name": names[place]} | _beside_rest(metric, rows, inside[place], found.groups, alpha) for place in enough]
    few = [place for place, reason in enumerate(reasons) if reason]
    left_out = [{"name": names[i], "rows": int(inside[i].sum()), "reason": reasons[i]} for i in few[:LISTED]]
    facts = {
        "column": name,
        "metric": found.headline,
        "look": look,
        "level": 1 - alpha,
        "subgroups": told,
        "left_out": left_out,
    }
    sentence = _said(told, name, Unit.of(metric), len(few)) + (looked(look, widened="intervals are") if told else "")
    return facts | {"left_out_count": len(few), "sentence": sentence}


def column_of(dataset: Dataset, name: str, part: str = "test") -> Column:
    """A column of a part of a dataset, whatever its role.

    Raises:
        UsageRefusal: there is none of this name.
    """
    if not isinstance(dataset, StoredDataset):
        return named_column({}, name)
    return take(named_column(dataset.examples.columns, name), dataset.parts[part])


def named_column(columns: Mapping[str, Column], name: str) -> Column:
    """The column of that name.

    Raises:
        UsageRefusal: there is none.
    """
    if name not in columns:
        raise UsageRefusal(
            "FIELD_UNKNOWN",
            f'there is no column "{name}"; {did_you_mean(name, columns)}' if columns else "these data have no columns",
            where="by",
            why="its values make the subgroups",
            fix="name a column of the data",
        )
    return columns[name]


def _cut(column: Column, name: str) -> tuple[list[str], np.ndarray]:
    """Names of the subgroups, and the (n,) number of each example's."""
    numbers = _numbers(column)
    if numbers is not None and len(np.unique(numbers[~np.isnan(numbers)])) > VALUES:
        there = numbers[~np.isnan(numbers)]
        edges = np.unique(np.quantile(there, (0.25, 0.5, 0.75)))
        codes = np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers))
        kept, codes = np.unique(codes, return_inverse=True)
        codes = codes.reshape(-1) - int(kept[0] == -1)
        ranges = [there[codes[~np.isnan(numbers)] == code] for code in range(int(codes.max()) + 1)]
        names = [f"{_shown(some.min(), column)} to {_shown(some.max(), column)}" for some in ranges]
    else:
        try:
            values, codes = coded(column)
        except (TypeError, ValueError) as error:
            why = "a subgroup is made of the examples that share a value"
            fix = "name a column of categories or numbers"
            raise UsageRefusal("BY_NO_VALUES", f'"{name}" holds no single values', where="by", why=why, fix=fix) from error
        names = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
    absent = codes < 0
    return ([*names, ABSENT], np.where(absent, len(names), codes)) if absent.any() else (names, codes)


def _shown(number: float, column: Column) -> str:
    """A number of a column in words: where it counts seconds of a moment, the day."""
    dates = isinstance(column, np.ndarray) and column.dtype.kind == "M"
    return str(np.datetime64(int(number), "s").astype("datetime64[D]")) if dates else f"{number:.4g}"


def _numbers(column: Column) -> np.ndarray | None:
    """The column as numbers (n,), of moments seconds, NaN where a value is missing; None where it holds others."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "M" and column.ndim == 1:
        return np.where(np.isnat(column), np.nan, column.astype("datetime64[s]").astype(np.float64))
    if isinstance(column, np.ndarray) and (column.dtype.kind not in "iuf" or column.ndim > 1):
        return None
    try:
        return floats(column)
    except (TypeError, ValueError):
        return None


def _too_few(metric: Metric[Any], rows: Tensor, inside: Tensor, groups: Tensor | None) -> str:
    """Why a subgroup, or the rest, is too small for a claim; empty where neither is."""
    for mask, who in ((inside, ""), (~inside, "the rest: ")):
        n, some = int(mask.sum()), rows[mask]
        if n < FEW_UNITS:
            return f"{who}{n} examples are too few; {FEW_UNITS} are the least"
        if form(metric) == "proportion" and int((some[:, 1] > 0).sum()) < FEW_EXAMPLES:
            return f"{who}{metric.undefined}"
        reason = too_little(metric, some, _renumbered(groups, mask))
        if reason:
            return f"{who}{reason}"
    return ""


def _beside_rest(metric: Metric[Any], rows: Tensor, inside: Tensor, groups: Tensor | None, alpha: float) -> dict[str, Any]:
    own, rest = (estimate(metric, rows[mask], groups=_renumbered(groups, mask), alpha=alpha) for mask in (inside, ~inside))
    facts = {"rows": int(inside.sum()), "value": own.value, "low": own.low, "high": own.high, "rest": rest.value}
    ends: Ends | None = None
    if own.value is not None and rest.value is not None and None not in (own.low, own.high, rest.low, rest.high):
        ends = mover(own.value, (own.low, own.high), rest.value, (rest.low, rest.high))  # type: ignore[arg-type]
    if ends is None or own.value is None or rest.value is None:
        return facts | {"difference": None, "difference_low": None, "difference_high": None, "gap": False}
    side = sign(metric)
    low, high = sorted((side * ends[0], side * ends[1]))
    gap = {"difference": side * (own.value - rest.value), "difference_low": low, "difference_high": high}
    return facts | gap | {"gap": low > 0 or high < 0}


def _renumbered(groups: Tensor | None, mask: Tensor) -> Tensor | None:
    return None if groups is None else groups[mask].unique(return_inverse=True)[1]


def _said(told: Sequence[Mapping[str, Any]], name: str, unit: Unit, few: int) -> str:
    """What the intervals claim, in words."""
    small = f" {few:,} subgroup{' is' if few == 1 else 's are'} too small to judge." if few else ""
    if not told:
        return f"No subgroup of {name} has examples enough, {FEW_UNITS} on either side, so nothing is claimed."
    gaps = [one for one in told if one["gap"]]
    if not gaps:
        return f"No subgroup of {name} is shown to differ from the rest, which is no proof that none does.{small}"
    return " ".join(_gap(one, name, unit) for one in gaps) + small


def _gap(one: Mapping[str, Any], name: str, unit: Unit) -> str:
    low, high, gap = (float(one[key]) for key in ("difference_low", "difference_high", "difference"))
    half, side = (high - low) / 2, 1 if gap > 0 else -1
    least, most = sorted((side * low, side * high))
    ends = f"{unit.gap(least, half, named=False)} to {unit.gap(most, half, named=False)}"
    word = "better" if gap > 0 else "worse"
    return f"{name} = {one['name']}: {word} than the rest by {unit.gap(abs(gap), half)} ({ends})."
