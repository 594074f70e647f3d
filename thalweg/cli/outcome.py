"""What a run came to, as people and programs read it: the table with its intervals, the verdict, the files, what to do next."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thalweg.cli.flags import Page
from thalweg.cli.terminal import paragraph

LEAST_PLOT = 12
"""Columns below which intervals are not drawn."""
MOST_PLOT = 28
NEAR, FAR = 3, 6
"""What lies further from the best than this many times the widest interval of the first few is not drawn."""


def result_lines(results: Mapping[str, Any], path: Path, page: Page, *, following: Sequence[str] = ()) -> list[str]:
    """The last lines of a run: table, verdict, report, next.

    Args:
        following: the command to try next, and what it gives.
    """
    lines = ["", *figures_table(results, page), ""]
    verdict = results.get("verdict")
    if verdict:
        lines += paragraph("verdict", _sentences(verdict), width=page.width)
    elif results.get("verdict_reason"):
        lines += paragraph("verdict", [f"none: {results['verdict_reason']}"], width=page.width)
    for note in results.get("notes", []):
        lines += paragraph("note", [note], width=page.width)
    report = path / "report.html"
    lines += paragraph("report" if report.exists() else "run", [str(report if report.exists() else path)], width=page.width)
    return [*lines, *(paragraph("next", ["   ".join(following)], width=page.width) if following else [])]


def run_facts(results: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The same facts as one JSON object, by docs/json.md."""
    files = {one.name: str(one) for one in sorted(path.iterdir()) if not one.name.startswith(".")}
    told = ("metric", "metrics", "baselines", "verdict", "verdict_reason", "notes", "part", "examples", "seconds")
    return {"run": str(path), **{key: results[key] for key in told if key in results}, "files": files}


def figures_table(results: Mapping[str, Any], page: Page) -> list[str]:
    """The headline of the net and of its baselines on one axis; without baselines all metrics of the net."""
    from thalweg.evaluation.figures import Unit

    units = {name: Unit(**unit) for name, unit in results["units"].items()}
    headline = units[results["metric"]["name"]]
    if not results.get("baselines"):
        rows = [(units[name].title, one, units[name]) for name, one in results["metrics"].items()]
        return _table(rows, "", page, drawn=False)
    rows = [("thalweg", results["metric"], headline)]
    rows += [(one.get("title") or one["name"], one, headline) for one in results["baselines"]]
    ranked = sorted(rows, key=lambda row: _rank(row[1]["value"], headline.better), reverse=True)
    return _table(ranked, headline.title, page, drawn=True)


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
    plots = _plots([one for _, one, _ in rows], room) if drawn and room >= LEAST_PLOT else [""] * len(rows)
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


def _plots(figures: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Each interval as a line through a point, all on one axis; what lies far off (always the same answer) is not drawn."""
    drawn = [one for one in figures if one["value"] is not None and one.get("low") is not None and one.get("high") is not None]
    best = drawn[0]["value"] if drawn else 0.0
    far = FAR * max((one["high"] - one["low"] for one in drawn[:NEAR]), default=0.0)
    near = [one for one in drawn if abs(one["value"] - best) <= far]
    least, most = min((one["low"] for one in near), default=0.0), max((one["high"] for one in near), default=0.0)
    scale = (width - 1) / (most - least) if most > least else 0.0
    return [_plot(one, least, scale, width) if one in near else "" for one in figures]


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
