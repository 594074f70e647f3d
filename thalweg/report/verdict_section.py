"""The first part of the page: what the heading rests on, the main figures, and the net beside its baselines."""

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from thalweg.core.run_folder import RunFolder
from thalweg.evaluation.figures import STAR, Unit, starred
from thalweg.evaluation.verdict import spoken
from thalweg.report.forest import beyond, forest
from thalweg.report.markup import command, figure, folded, paragraph, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import duration, lead, signed

FIGURES = 3
"""Figures beside the training time, at most."""
ALL = "All figures as a table"
AREA = Unit("auc", "area under ROC", percent=False, better="higher")
ERROR = Unit("calibration-error", "calibration error", percent=True, better="lower")


class Figure(NamedTuple):
    """What a figure is called, its value, and its interval, in words."""

    title: str
    value: str
    interval: str


def verdict_section(facts: Facts) -> str:
    """Lead, facts, and net and baselines on one axis; of a run that was not finished how to go on."""
    if not facts.results and RunFolder(facts.path).steps():
        on = shlex.join(["thalweg", "train", "--resume", "--out", str(facts.path)])
        return paragraph("It was stopped, and goes on from where it was with this command.", kind="lead") + command(on)
    if not facts.headline:
        return ""
    unit = facts.unit(facts.headline["name"])
    words = paragraph(lead(facts.results, unit), kind="lead")
    return words + _figures(facts) + _beside(facts, unit) + _undefined(facts)


def _figures(facts: Facts) -> str:
    """The main figures with the training time beside each other, and all of them as a table."""
    every = [_told(facts.unit(name), one) for name, one in _defined(facts)]
    chosen = [*every[:1], *_diagnosed(facts), *every[1:]]
    cells = [_cell(*one) for one in chosen[:FIGURES]]
    seconds = (facts.results.get("seconds") or {}).get("training")
    if seconds:
        threads = facts.environment.get("threads")
        where = f"{threads} thread{'' if threads == 1 else 's'}" if threads else ""
        device = str(facts.environment.get("device") or "")
        cells.append(_cell("training time", duration(float(seconds)), " · ".join(one for one in (device, where) if one)))
    rows = [[text(cell) for cell in one] for one in chosen]
    more = folded(ALL, table(["figure", "value", "95 % interval"], rows, named=ALL)) if len(chosen) > FIGURES else ""
    return f'<dl class="facts">{"".join(cells)}</dl>{more}' if cells else ""


def _defined(facts: Facts) -> list[tuple[str, Mapping[str, Any]]]:
    """The metrics that have a value, by name."""
    return [(name, one) for name, one in (facts.results.get("metrics") or {}).items() if one.get("value") is not None]


def _diagnosed(facts: Facts) -> list[Figure]:
    """How well two classes are told apart and how true its confidence is, where no metric says so already."""
    found = facts.results.get("diagnosis") or {}
    classes = (found.get("curves") or {}).get("classes") or []
    area = classes[0]["roc"] if len(classes) == 1 else {}
    error = (found.get("calibration") or {}).get("error") or {}
    known = {name for name, _ in _defined(facts)}
    there = [(unit, one) for unit, one in ((AREA, area), (ERROR, error)) if one.get("value") is not None]
    return [_told(unit, one) for unit, one in there if unit.name not in known]


def _told(unit: Unit, one: Mapping[str, Any]) -> Figure:
    """A figure's title, its value, and its interval."""
    low, high = one.get("low"), one.get("high")
    if low is None or high is None:
        return Figure(unit.title, unit.value(one["value"], None), "")
    return Figure(unit.title, unit.value(one["value"], (high - low) / 2), unit.range(low, high))


def _cell(name: str, value: str, beside: str) -> str:
    return f"<div><dt>{text(name)}</dt><dd>{text(value)} <small>{text(beside)}</small></dd></div>"


def _beside(facts: Facts, unit: Unit) -> str:
    """The forest of net and baselines; nothing where there is no baseline."""
    baselines = [one | {"title": starred(title_of(one), one)} for one in facts.results.get("baselines") or []]
    if not baselines:
        return ""
    net = {**facts.headline, "title": f"thalweg, {facts.model}"}
    label = f"{unit.title} on the test part with 95 % intervals, net and baselines"
    direction = "" if unit.better == "higher" else " Lower is better."
    caption = f"{unit.title[:1].upper()}{unit.title[1:]} on the test part, with 95 % intervals.{direction}"
    star = f"{STAR}." if any(one["title"].endswith("*") for one in baselines) else ""
    caption = " ".join(one for one in (caption, beyond([net, *baselines], unit), star, _tuning(facts)) if one)
    notes = "".join(paragraph(f"{note[:1].upper()}{note[1:]}.", kind="quiet") for note in facts.results.get("notes") or [])
    return figure(forest([net, *baselines], unit, label), caption, beside=_table(net, baselines, unit)) + notes


def _tuning(facts: Facts) -> str:
    tried = sum(int(one.get("fits") or 0) for one in facts.results.get("baselines") or [] if one.get("setting"))
    name = (facts.results.get("verdict") or {}).get("opponent")
    opponent = next((spoken(name, title_of(one)) for one in facts.results["baselines"] if one.get("name") == name), "")
    several = len(facts.results["baselines"]) > 1
    chosen = f"The verdict is about {opponent}, the best on the validation part." if opponent and several else ""
    folded = any(one.get("folds") for one in facts.results.get("baselines") or [])
    by = "cross-validation on it, or where time was short the validation part," if folded else "the validation part"
    fits = f"{tried} fits on the training part; {by} chose the settings of each baseline." if tried else ""
    return f"{fits} {chosen}".strip()


def title_of(one: Mapping[str, Any]) -> str:
    """What people call a baseline."""
    return str(one.get("title") or str(one.get("name")).replace("-", " "))


def _table(net: Mapping[str, Any], baselines: list[dict[str, Any]], unit: Unit) -> str:
    head = ["model", unit.title, "95 % interval", "net ahead by", "p", "the net is", "setting", "fitted on"]
    rows = [[text(net["title"]), *_figures_of(net, unit), "", "", "", "", ""]]
    for one in baselines:
        gap = one.get("difference")
        ahead = "" if gap is None else signed(gap, unit, _half(one)) + (" points" if unit.percent else "")
        p = "" if one.get("p") is None else "< .001" if one["p"] < 0.001 else f"{one['p']:.3f}".removeprefix("0")
        cells = [ahead, p, one.get("word") or "", one.get("setting") or "", _fitted_on(one)]
        rows.append([text(one["title"]), *_figures_of(one, unit), *(text(cell) for cell in cells)])
    return folded("The same as a table, with the test behind each comparison", table(head, rows, named="Net and baselines"))


def _fitted_on(one: Mapping[str, Any]) -> str:
    rows, whole = int(one.get("rows") or 0), int(one.get("of_rows") or 0)
    return f"{rows:,} of {whole:,} rows" if rows and whole else ""


def _figures_of(one: Mapping[str, Any], unit: Unit) -> list[str]:
    low, high = one.get("low"), one.get("high")
    there = low is not None and high is not None
    return [text(unit.value(one.get("value"), _half(one) or None)), text(unit.range(low, high)) if there else ""]  # type: ignore[arg-type]


def _half(one: Mapping[str, Any]) -> float:
    low, high = one.get("low"), one.get("high")
    return 0.0 if low is None or high is None else float((high - low) / 2)


def _undefined(facts: Facts) -> str:
    metrics = facts.results.get("metrics") or {}
    lacking = [f"{facts.unit(name).title} has no value: {one['reason']}." for name, one in metrics.items() if one.get("reason")]
    return paragraph(" ".join(lacking), kind="quiet")
