"""Subgroups of the test part: each beside the rest, for the columns that were asked for."""

from collections.abc import Mapping
from typing import Any

from thalweg.evaluation.figures import Unit
from thalweg.report.markup import paragraph, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import signed


def subgroups_section(facts: Facts) -> str:
    """A table for each column; nothing where none was asked for."""
    return section("subgroups", "Subgroups", "".join(_column(one, facts) for one in (facts.results.get("by") or {}).values()))


def _column(told: Mapping[str, Any], facts: Facts) -> str:
    unit = facts.unit(told["metric"])
    points = ", points" if unit.percent else ""
    head = [str(told["column"]), "examples", unit.title, "interval", f"better than the rest by{points}"]
    rows = [[text(cell) for cell in cells(one, unit)] for one in told["subgroups"]]
    together = (
        f"Intervals of {100 * float(told['level']):.4g} %, so that all {len(rows)} claims together hold in 95 of 100 cases."
    )
    level = together if rows else ""
    small = ", ".join(f"{one['name']} ({one['rows']:,})" for one in told["left_out"])
    rest = (
        f" Too few examples: {small}{' and more' if told['left_out_count'] > len(told['left_out']) else ''}." if small else ""
    )
    return (
        paragraph(told["sentence"])
        + (table(head, rows, named=f"By {told['column']}") if rows else "")
        + paragraph(f"{level}{rest}".strip(), kind="quiet")
    )


def cells(one: Mapping[str, Any], unit: Unit) -> tuple[str, ...]:
    """A subgroup's name, examples, value, interval, and difference from the rest."""
    low, high = one["low"], one["high"]
    half = None if low is None else (high - low) / 2
    ends = "" if low is None else unit.range(low, high)
    values = (str(one["name"]), f"{one['rows']:,}", unit.value(one["value"], half), ends)
    if one["difference"] is None:
        return (*values, "")
    apart = (one["difference_high"] - one["difference_low"]) / 2
    gap, least, most = (signed(one[key], unit, apart) for key in ("difference", "difference_low", "difference_high"))
    return (*values, f"{gap} ({least} to {most})")
