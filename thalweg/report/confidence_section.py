"""Is it right when it is sure: reliability, and what is found against what is called wrongly, over all thresholds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.report.charts import calibration
from thalweg.report.markup import columns, figure, folded, paragraph, section, table, text
from thalweg.report.ranking_charts import precision_chart, roc_chart
from thalweg.report.ranking_sentences import area_words, bins_said, calibration_said, perfect_said, precision_said, roc_said
from thalweg.report.run_facts import Facts

CALLED = (0.01, 0.05, 0.1, 0.2, 0.5)
CALIBRATION = "Calibration: predicted against observed share"
FOUND = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Shares at which a curve is read off for its table."""
PERFECT = 0.9995
"""An area from which on a curve has nothing to show."""


def confidence_section(facts: Facts) -> str:
    """Reliability, and both curves."""
    found = facts.results.get("diagnosis") or {}
    reliable = _reliability(found.get("calibration") or {})
    curves = (found.get("curves") or {}).get("classes") or []
    return section("sure", "Is it right when it is sure?", reliable + _curves(curves))


def _reliability(found: Mapping[str, Any]) -> str:
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
    beside = folded(
        "The same as a table",
        table(["it says", "it is so in", "95 % interval", "examples"], rows, named=CALIBRATION),
        of=CALIBRATION,
    )
    said = calibration_said(found)
    picture = calibration(bins, CALIBRATION, said=" ".join(said))
    drawn = figure(picture, bins_said(found), title="When it says 80 %, is it right 80 % of the time?", beside=beside)
    return columns(drawn, f"<div>{''.join(paragraph(one) for one in said)}</div>")


def _curves(classes: Sequence[Mapping[str, Any]]) -> str:
    """ROC and precision over recall, each with its table; a sentence where all classes are told apart."""
    if not classes:
        return ""
    if all((one["roc"]["value"] or 0.0) >= PERFECT for one in classes):
        return paragraph(perfect_said(classes)) + _by_class(classes, alone="How it tells them apart, in figures")
    hardest = min(classes, key=lambda one: 1.0 if one["roc"]["value"] is None else float(one["roc"]["value"]))
    roc, precision = roc_said(classes, hardest), precision_said(classes, hardest)
    first = roc_chart(classes, hardest, label="ROC: share found by share of others called", said=roc)
    second = precision_chart(classes, hardest, label="Precision by share found", said=precision)
    name = str(hardest["class"])
    drawn = columns(
        figure(first, roc, title=_title("Found, and called wrongly", name, classes), beside=_read_off(hardest, "roc", CALLED)),
        figure(
            second,
            precision,
            title=_title("Found, and called rightly", name, classes),
            beside=_read_off(hardest, "precision_recall", FOUND),
        ),
    )
    return drawn + _by_class(classes, alone="The figures of both curves")


def _title(words: str, name: str, classes: Sequence[Mapping[str, Any]]) -> str:
    return f"{words}: “{name}”" if len(classes) == 1 else words


def _read_off(one: Mapping[str, Any], curve: str, places: Sequence[float]) -> str:
    """What a curve comes to at some places."""
    points = np.asarray(one[curve]["points"], dtype=np.float64)
    if curve == "roc":
        head = ["others called so", f"“{one['class']}” found"]
        heights = [float(points[points[:, 0] <= place + 1e-9][:, 1].max(initial=0.0)) for place in places]
    else:
        head = [f"“{one['class']}” found", "right of those called"]
        heights = [float(points[points[:, 0] >= place - 1e-9][0, 1]) for place in places]
    rows = [[_percent(place), _percent(height)] for place, height in zip(places, heights, strict=True)]
    named = f"{'ROC' if curve == 'roc' else 'Precision and recall'} of “{one['class']}”"
    return folded("The same as a table", table(head, rows, named=named), of=named)


def _by_class(classes: Sequence[Mapping[str, Any]], *, alone: str) -> str:
    """What each class comes to; `alone` stands over it where there is one only."""
    head = ["class", "examples", "area under ROC", "average precision", "found", "right of those called"]
    rows = [
        [text(one["class"]), f"{one['n']:,}", *(text(area_words(one[name])) for name in ("roc", "precision_recall"))]
        + [_share(one["decides"][name]) for name in ("found", "precision")]
        for one in classes
    ]
    title = "Class by class" if len(classes) > 1 else alone
    return folded(title, table(head, rows, named="Areas and shares by class"))


def _share(found: Mapping[str, float] | None) -> str:
    """A share with its interval."""
    return f"{_percent(found['value'])} ({100 * found['low']:.0f} – {100 * found['high']:.0f})" if found else "–"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
