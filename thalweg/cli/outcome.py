"""What a run came to, as people and programs read it: the table with its intervals, the verdict, the files, what to do next."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thalweg.cli.flags import Page
from thalweg.cli.terminal import paragraph

if TYPE_CHECKING:
    from thalweg.core.settings import Settings  # pydantic, which the help does without

LEAST_PLOT = 12
"""Columns below which intervals are not drawn."""
MOST_PLOT = 28
OWN = "thalweg"
"""What the net is called in the table."""


def result_lines(
    results: Mapping[str, Any], path: Path, page: Page, *, following: Sequence[str] = (), hint: bool = True
) -> list[str]:
    """The last lines of a run: table, verdict, report, next.

    Args:
        following: the command to try next, and what it gives.
        hint: say what the verdict speaks for, and what would say more.
    """
    lines = ["", *figures_table(results, page), ""]
    verdict = results.get("verdict")
    if verdict:
        lines += paragraph("verdict", _sentences(verdict), width=page.width)
        lines += _instead(verdict, path, page)
    elif results.get("verdict_reason"):
        lines += paragraph("verdict", [f"none: {results['verdict_reason']}"], width=page.width)
    lines += _scope(results, path, page) if hint and verdict else []
    for note in [*results.get("notes", []), *_doubts(results)]:
        lines += paragraph("note", [note], width=page.width)
    report = path / "report.html"
    lines += paragraph("report" if report.exists() else "run", [str(report if report.exists() else path)], width=page.width)
    return [*lines, *(paragraph("next", ["   ".join(following)], width=page.width) if following else [])]


def _scope(results: Mapping[str, Any], path: Path, page: Page) -> list[str]:
    """What the verdict speaks for, and the command whose verdict speaks for more."""
    from thalweg.report.sentences import duration

    outlook, command = results.get("folds") or {}, shlex.join(["thalweg", "compare", str(path)])
    said = f"{command} --seeds 5   speaks for the way of training"
    if outlook.get("advised"):
        takes = f"by {outlook['fits']} trainings, about {duration(outlook['seconds'])}"
        said = f"{command}   judges the method on all {outlook['rows']:,} rows, {takes}"
    return paragraph("scope", [f"this model, on examples like these {results['examples']:,}; {said}"], width=page.width)


def _doubts(results: Mapping[str, Any]) -> list[str]:
    """That its confidence is not to be taken at its word, where that is so."""
    from thalweg.report.ranking_sentences import doubt

    said = doubt((results.get("diagnosis") or {}).get("calibration") or {})
    return [f"{said[:1].lower()}{said[1:]}"] if said else []


def _instead(verdict: Mapping[str, Any], path: Path, page: Page) -> list[str]:
    """How to let the opponent answer, where the net is not better and the run has kept it."""
    from thalweg.evaluation.verdict import EQUIVALENT, WORSE

    name = str(verdict.get("opponent"))
    if verdict.get("word") not in (WORSE, EQUIVALENT) or not (path / "baselines" / name).is_dir():
        return []
    given = _given_to(path / "baselines" / name)
    return paragraph("instead", [shlex.join(["thalweg", "predict", str(path), *given, "--with", name])], width=page.width)


def _given_to(package: Path) -> list[str]:
    """What a packaged model answers: `INPUT`, or the beginning of a text."""
    from thalweg.core import registry
    from thalweg.packages.package import package_facts

    task = package_facts(package)["task"]
    return (texts_of(registry.load("task", task).asks) if task in registry.names("task") else []) or ["INPUT"]


def texts_of(asks: "type[Settings]") -> list[str]:
    """The flag of a request that takes a text, and a word for that; nothing where none does."""
    texts = [name for name, field in asks.model_fields.items() if field.annotation is str]
    return [f"--{texts[0]}", "TEXT"] if texts else []


def run_facts(results: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The same facts as one JSON object, by docs/json.md."""
    files = {one.name: str(one) for one in sorted(path.iterdir()) if not one.name.startswith(".")}
    told = (
        "metric",
        "metrics",
        "baselines",
        "verdict",
        "verdict_reason",
        "notes",
        "part",
        "examples",
        "groups",
        "seconds",
        "profile",
        "folds",
    )
    return {"run": str(path), **{key: results[key] for key in told if key in results}, "files": files}


def figures_table(results: Mapping[str, Any], page: Page) -> list[str]:
    """The headline of the net and of its baselines on one axis; without baselines all metrics of the net."""
    from thalweg.evaluation.figures import STAR, Unit, starred

    units = {name: Unit(**unit) for name, unit in results["units"].items()}
    headline = units[results["metric"]["name"]]
    if not results.get("baselines"):
        rows = [(units[name].title, one, units[name]) for name, one in results["metrics"].items()]
        return _table(rows, "", page, drawn=False)
    rows = [(OWN, results["metric"], headline)]
    baselines = [(starred(one.get("title") or one["name"], one), one) for one in results["baselines"]]
    rows += [(title, one, headline) for title, one in baselines]
    ranked = sorted(rows, key=lambda row: _rank(row[1]["value"], headline.better), reverse=True)
    legend = [f"  {STAR}"] if any(title.endswith("*") for title, _ in baselines) else []
    return [*_table(ranked, headline.title, page, drawn=True), *legend]


def _rank(value: float | None, better: str) -> float:
    if value is None:
        return float("-inf")
    return value if better == "higher" else -value


def _table(rows: Sequence[tuple[str, Mapping[str, Any], Any]], title: str, page: Page, *, drawn: bool) -> list[str]:
    texts = [(name, *_texts(one, unit)) for name, one, unit in rows]
    names = max(len(name) for name, _, _ in texts)
    values = max(len(title), *(len(value) for _, value, _ in texts))
    ranges = max(len("95 % interval"), *(len(ends) for _, _, ends in texts))
    room = min(MOST_PLOT, page.width - names - values - ranges - 12)
    if names + values + ranges + 8 > page.width:
        return [line for name, value, ends in texts for line in (f"  {name}", f"    {value}  {ends}".rstrip())]
    plots = _plots(rows, room) if drawn and room >= LEAST_PLOT else [""] * len(rows)
    head = f"  {'':<{names}}   {title:>{values}}   95 % interval"
    body = [
        f"  {name:<{names}}   {value:>{values}}   {ends:<{ranges}}   {plot}".rstrip()
        for (name, value, ends), plot in zip(texts, plots, strict=True)
    ]
    return [head, *body]


def _texts(one: Mapping[str, Any], unit: Any) -> tuple[str, str]:
    """A value and its interval, as people read them."""
    low, high = one.get("low"), one.get("high")
    if low is None or high is None:
        return unit.value(one["value"], None), ""
    return unit.value(one["value"], (high - low) / 2), unit.range(low, high)


def _plots(rows: Sequence[tuple[str, Mapping[str, Any], Any]], width: int) -> list[str]:
    """Each interval as a line through a point, all on one axis; what lies far off (always the same answer) is not drawn."""
    from thalweg.evaluation.axis import axis_of

    own = next(one for name, one, _ in rows if name == OWN)
    axis = axis_of(own, [one for _, one, _ in rows if one is not own], higher=rows[0][2].better == "higher")
    scale = (width - 1) / (axis.high - axis.low) if axis.high > axis.low else 0.0
    figures = [one for _, one, _ in rows]
    return [_plot(one, axis.low, scale, width) if axis.holds(one) and one.get("low") is not None else "" for one in figures]


def _plot(one: Mapping[str, Any], least: float, scale: float, width: int) -> str:
    first, last = (round((float(one[key]) - least) * scale) for key in ("low", "high"))
    point = min(max(round((float(one["value"]) - least) * scale), first), last)
    signs = [" "] * width
    signs[first : last + 1] = "─" * (last - first + 1)
    if last > first:
        signs[first], signs[last] = "├", "┤"
    signs[point] = "●"
    return "".join(signs)


def _sentences(verdict: Mapping[str, Any]) -> list[str]:
    return [str(verdict["sentence"])]
