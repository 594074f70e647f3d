"""Where it errs: what is taken for what, how far numbers are off, and the worst mistakes shown as what they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core import registry
from thalweg.report.charts import Frame, scatter, svg
from thalweg.report.examples import view_of
from thalweg.report.markup import columns, figure, folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import confused, erred


def errors_section(facts: Facts) -> str:
    """Confusions or deviations, then examples."""
    found = facts.results.get("diagnosis") or {}
    mistakes = found.get("mistakes") or {}
    pictures = [_confusion(found.get("confusion") or {}, mistakes), _deviations(found.get("values") or {})]
    words = paragraph(_count(found, mistakes))
    if not any(pictures):
        return ""
    return section("errors", "Where it errs", columns(*pictures, words) + _worst(facts, mistakes))


def _count(found: Mapping[str, Any], mistakes: Mapping[str, Any]) -> str:
    count, of = int(mistakes.get("count") or 0), int(mistakes.get("of") or 0)
    if "confusion" not in found or not count:
        return ""
    shown = "those that it was surest of are shown below" if count > 1 else "it is shown below"
    return f"{count:,} of {of:,} test examples were told wrongly; {shown}."


def _confusion(confusion: Mapping[str, Any], mistakes: Mapping[str, Any]) -> str:
    if not confusion:
        return ""
    caption = confused(confusion, mistakes)
    if confusion.get("counts"):
        beside = folded("The same as a table", _counts(confusion))
        matrix = _matrix([str(name) for name in confusion["classes"]], confusion["counts"])
        return figure(matrix, caption, title="True classes by row, predicted by column", beside=beside)
    rows = [
        [text(one["true"]), text(one["said"]), f"{one['count']:,}", f"{one['of']:,}"] for one in confusion.get("pairs") or []
    ]
    return figure(table(["true", "predicted", "times", "of"], rows) if rows else "", caption)


def _counts(confusion: Mapping[str, Any]) -> str:
    classes = [str(name) for name in confusion["classes"]]
    rows = [[text(name), *(f"{n:,}" for n in row)] for name, row in zip(classes, confusion["counts"], strict=True)]
    return table(["true ↓ predicted →", *classes], rows)


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Rows are what is true, columns what was said; ours on the diagonal, grey off it, darker the larger its share."""
    large = len(classes) <= 4
    longest = min(12, max(len(name) for name in classes))
    side, height, left, top = (108, 58, 20 + 7 * longest, 26) if large else (34, 30, 20 + 7 * longest, 26)
    frame = Frame((0, 1), (0, 1), width=left + side * len(classes) + 6, height=top + height * len(classes) + 4)
    cells: list[str] = []
    for j, name in enumerate(classes):
        middle = left + side * (j + 0.5)
        cells.append(_label(middle, top - 9, name, "middle", 14 if large else 4))
        cells.append(_label(left - 8, top + height * (j + 0.5) + 4, name, "end", 12))
    for i, row in enumerate(counts):
        for j, count in enumerate(row):
            share = count / (sum(row) or 1)
            cells.append(_cell(left + side * j, top + height * i, (side, height), count, share, own=i == j, of=str(classes[i])))
    return svg(frame, "Confusion matrix: true classes by row, predicted by column", "".join(cells))


def _label(x: float, y: float, name: str, anchor: str, most: int) -> str:
    shown = name if len(name) <= most else f"{name[: most - 1]}…"
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{text(shown)}<title>{text(name)}</title></text>'


def _cell(x: float, y: float, size: tuple[int, int], count: int, share: float, *, own: bool, of: str) -> str:
    width, height = size
    colour = "var(--own)" if own else "var(--other)"
    depth = 0.08 + 0.52 * share if count else 0.04
    large = width > 60
    number = f"{count:,}" if count or large else ""
    beneath = (
        f'<text class="share" x="{x + width / 2:.0f}" y="{y + height - 12:.0f}" text-anchor="middle">{100 * share:.0f} %</text>'
        if large
        else ""
    )
    up = 26 if large else height / 2 + 3
    return (
        f'<rect x="{x + 1}" y="{y + 1}" width="{width - 2}" height="{height - 2}" rx="3" fill="{colour}" '
        f'fill-opacity="{depth:.2f}"><title>{100 * share:.0f} % of {text(of)}</title></rect>'
        f'<text class="bold" x="{x + width / 2:.0f}" y="{y + up:.0f}" text-anchor="middle">{number}</text>{beneath}'
    )


def _deviations(values: Mapping[str, Any]) -> str:
    if not values.get("true"):
        return ""
    picture = scatter(values["true"], values["said"], "Predicted against true numbers")
    rows = [[f"{one:,.6g}", f"{two:,.6g}"] for one, two in list(zip(values["true"], values["said"], strict=True))[:50]]
    beside = folded("The first fifty as a table", table(["true", "predicted"], rows))
    return figure(picture, erred(values["errors"]), title="Predicted against true", beside=beside)


def _worst(facts: Facts, mistakes: Mapping[str, Any]) -> str:
    """The worst mistakes as tiles where a field is a picture, else as rows of a table."""
    worst = mistakes.get("worst") or []
    kept = facts.results.get("examples_shown") or {}
    known = set(registry.names("view"))
    fields: Mapping[str, str] = {name: kind for name, kind in (kept.get("fields") or {}).items() if kind in known}
    rows: Mapping[str, Mapping[str, Any]] = kept.get("rows") or {}
    if not worst:
        return ""
    tiles = [name for name, kind in fields.items() if view_of(kind).tile]
    if tiles:
        shown = "".join(_tile(one, tiles, fields, rows.get(str(one["row"])) or {}) for one in worst)
        return f'<div class="tiles">{shown}</div>'
    said = ["row", "true", "predicted", *(["sure"] if "sure" in worst[0] else []), *fields]
    return table(said, [_row(one, fields, rows.get(str(one["row"])) or {}) for one in worst])


def _tile(one: Mapping[str, Any], tiles: Sequence[str], fields: Mapping[str, str], kept: Mapping[str, Any]) -> str:
    pictures = "".join(_shown(fields[name], kept.get(name)) for name in tiles)
    sure = f", {100 * one['sure']:.0f} % sure" if "sure" in one else ""
    words = f"said {_said(one['said'])}{sure}; true {_said(one['true'])}"
    return f"<figure>{pictures}<figcaption>{text(words)}<br>row {text(one['row'])}</figcaption></figure>"


def _row(one: Mapping[str, Any], fields: Mapping[str, str], kept: Mapping[str, Any]) -> list[str]:
    sure = [f"{100 * one['sure']:.0f} %"] if "sure" in one else []
    cells = [_shown(kind, kept.get(name)) for name, kind in fields.items()]
    return [text(one["row"]), text(_said(one["true"])), text(_said(one["said"])), *sure, *cells]


def _said(value: Any) -> str:  # noqa: ANN401 - a class's name or a number
    return f"{value:,.6g}".replace("-", "−") if isinstance(value, int | float) else f"“{value}”"


def _shown(kind: str, kept: Any) -> str:  # noqa: ANN401 - what a view kept
    return text("–") if kept is None else view_of(kind).show(kept)
