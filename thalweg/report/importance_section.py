"""What matters: how much worse the model gets on held-out rows when a column is shuffled."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.evaluation.figures import Unit
from thalweg.report.bar_chart import Bar, bars
from thalweg.report.markup import columns, figure, folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts

SHOWN, NAMED = 10, 3
"""Columns that are drawn, and that a sentence names beside the first, at most."""

Found = Mapping[str, Any]


def importance_section(facts: Facts) -> str:
    """Bars of the dearest columns, in words beside them, all of them as a table."""
    found = facts.results.get("importance") or {}
    if not found.get("columns"):
        return section("matters", "What matters", paragraph(f"Not measured: {found['reason']}.") if found.get("reason") else "")
    unit = facts.unit(found["metric"])
    said = importance_caption(found, unit)
    rows = [_drawn(one, unit) for one in found["columns"][:SHOWN]]
    picture = bars(rows, label=f"What shuffling a column costs: {unit.title}", said=said)
    words = "".join(paragraph(one) for one in importance_said(found, unit))
    return section("matters", "What matters", columns(figure(picture, said, beside=_table(found, unit)), f"<div>{words}</div>"))


def importance_caption(found: Found, unit: Unit) -> str:
    """What the bars show."""
    lost = (
        f"Points of {unit.title} lost"
        if unit.percent
        else f"How much {'lower' if unit.better == 'higher' else 'higher'} the {unit.title} gets"
    )
    times = f", the mean of {found['repeats']} times" if found["repeats"] > 1 else ""
    return (
        f"{lost} when one column is shuffled{times}, with 95 % intervals; on {found['rows']:,} rows that were neither learned "
        "from nor tested on."
    )


def importance_said(found: Found, unit: Unit) -> list[str]:
    """What it relies on, and what cannot be told from nothing."""
    clear = [one for one in found["columns"] if (one["low"] or 0.0) > 0]
    rest = len(found["columns"]) - len(clear)
    if not clear:
        return [
            f"On {found['rows']:,} rows no single column can be told from none: others may say the same, or rows are too few."
        ]
    first, *others = clear
    cost = "adds" if unit.better == "lower" else "costs"
    named = f" to the {unit.title}" if unit.better == "lower" else f" of {unit.title}" if unit.percent else f" {unit.title}"
    much = f"{_words(first, unit, long=True)}{named} ({_ends(first, unit)})"
    said = [f"It relies most on {first['name']}: shuffling it {cost} {much}."]
    if others:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        come = "comes" if len(others) == 1 else "come"
        said.append(f"Then {come} {_listed([one['name'] for one in others[:NAMED]], more)}.")
    if rest:
        what = "The other column" if rest == 1 else f"The other {rest:,} columns"
        said.append(
            f"{what} cannot be told from none on these rows. Where two columns say the same, each hides the other’s worth."
        )
    return said


def _listed(names: Sequence[str], more: str) -> str:
    if more:
        return f"{', '.join(names)}{more}"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _drawn(one: Found, unit: Unit) -> Bar:
    scale = 100 if unit.percent else 1
    low, high = one.get("low"), one.get("high")
    return Bar(
        str(one["name"]),
        scale * one["value"],
        None if low is None else scale * low,
        None if high is None else scale * high,
        _words(one, unit),
    )


def _words(one: Found, unit: Unit, *, long: bool = False) -> str:
    half = (one["high"] - one["low"]) / 2 if one.get("low") is not None and one.get("high") is not None else 0.0
    return unit.gap(one["value"], half, named=long)


def _ends(one: Found, unit: Unit) -> str:
    half = (one["high"] - one["low"]) / 2
    return f"95 % interval {unit.gap(one['low'], half, named=False)} – {unit.gap(one['high'], half, named=False)}"


def _table(found: Found, unit: Unit) -> str:
    head = [
        "column",
        "points lost" if unit.percent else f"{unit.title} {'lost' if unit.better == 'higher' else 'added'}",
        "95 % interval",
    ]
    rows = [
        [
            text(one["name"]),
            text(_words(one, unit)),
            text(_ends(one, unit).removeprefix("95 % interval ")) if one.get("low") is not None else "–",
        ]
        for one in found["columns"]
    ]
    return folded(f"All {len(rows):,} columns as a table", table(head, rows, named="What columns matter"))
