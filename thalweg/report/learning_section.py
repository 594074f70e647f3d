"""How it learned: the loss it was trained by, and what it reached on validation rows along the way."""

from collections.abc import Sequence
from typing import Any

from thalweg.evaluation.figures import Unit, written
from thalweg.report.charts import calibration, curve
from thalweg.report.markup import columns, figure, folded, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import best_of, calibrated, learned

WATCHED = "validation."


def learning_section(facts: Facts) -> str:
    """Curves of loss and validation, and whether confidence can be trusted."""
    lines = facts.history
    axis, places = _places(lines)
    charts = [_validation(facts, lines, places, axis), _loss(lines, places, axis)] if len(lines) > 1 else []
    tables = folded("The same as a table", _table(facts, lines, places, axis)) if any(charts) else ""
    sure = _calibration(facts)
    return section("learning", "How it learned", columns(*charts) + tables + columns(sure))


def _places(lines: Sequence[dict[str, Any]]) -> tuple[str, list[float]]:
    """What counts along the way: epochs, else steps, else evaluations where there are several stages."""
    if len({line.get("stage", 0) for line in lines}) > 1:
        return "evaluation", [float(i + 1) for i in range(len(lines))]
    for name in ("epoch", "step"):
        places = [float(line.get(name) or 0) for line in lines]
        if len(set(places)) == len(places):
            return name, places
    return "evaluation", [float(i + 1) for i in range(len(lines))]


def _validation(facts: Facts, lines: Sequence[dict[str, Any]], places: Sequence[float], axis: str) -> str:
    stopping = facts.settings.get("stopping") or {}
    first = next((name.removeprefix(WATCHED) for line in lines for name in line if name.startswith(WATCHED)), "")
    name = stopping.get("metric") or first
    points = _points(lines, places, WATCHED + name)
    if len(points) < 2:
        return ""
    unit = facts.unit(name)
    kept, values = stopping.get("keep", "best") == "best", [y for _, y in points]
    higher = unit.better == "higher"
    best, _ = best_of(values, higher=higher)
    mark = f"{'kept' if kept else 'best'}, {axis} {written(points[best][0], 0)}"
    title = f"{unit.title[:1].upper()}{unit.title[1:]} on validation rows"
    picture = curve(points, unit, label=f"{unit.title} on validation rows by {axis}", axis=axis, marked=best, mark=mark)
    return figure(picture, learned(values, [x for x, _ in points], higher=higher, kept=kept, axis=axis), title=title)


def _loss(lines: Sequence[dict[str, Any]], places: Sequence[float], axis: str) -> str:
    points = _points(lines, places, "loss")
    if len(points) < 2:
        return ""
    first, last = points[0][1], points[-1][1]
    way = "fell" if last < first else "rose" if last > first else "stayed"
    caption = f"The loss it was trained by {way} from {first:.3g} to {last:.3g}, by {axis}.".replace("-", "−")
    return figure(curve(points, None, label=f"training loss by {axis}", axis=axis), caption, title="Training loss")


def _points(lines: Sequence[dict[str, Any]], places: Sequence[float], name: str) -> list[tuple[float, float]]:
    return [
        (place, float(line[name])) for place, line in zip(places, lines, strict=True) if isinstance(line.get(name), int | float)
    ]


def _table(facts: Facts, lines: Sequence[dict[str, Any]], places: Sequence[float], axis: str) -> str:
    names = [
        name for name in dict.fromkeys(name for line in lines for name in line) if name == "loss" or name.startswith(WATCHED)
    ]
    titles = ["loss" if name == "loss" else facts.unit(name.removeprefix(WATCHED)).title for name in names]
    rows = [
        [written(place, 0), *(_value(facts, name, line.get(name)) for name in names)]
        for place, line in zip(places, lines, strict=True)
    ]
    return table([axis, *titles], rows)


def _value(facts: Facts, name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(value, int | float):
        return "–"
    unit: Unit = facts.unit(name.removeprefix(WATCHED))
    return text(unit.value(value, None) if name != "loss" else written(value, 4))


def _calibration(facts: Facts) -> str:
    found = (facts.results.get("diagnosis") or {}).get("calibration") or {}
    bins = found.get("bins") or []
    if not bins:
        return ""
    rows = [
        [
            _percent(one["predicted"]),
            _percent(one["observed"]),
            f"{_percent(one['low'])} – {_percent(one['high'])}",
            f"{one['n']:,}",
        ]
        for one in bins
    ]
    beside = folded("The same as a table", table(["it says", "it is so in", "95 % interval", "examples"], rows))
    title = "When it says 80 %, is it right 80 % of the time?"
    picture = calibration(bins, "Calibration: predicted against observed share")
    return figure(picture, calibrated(bins, found.get("class")), title=title, beside=beside)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
