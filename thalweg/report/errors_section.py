"""Where it errs: what is taken for what, how far numbers are off, and the worst mistakes shown as what they are."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.evaluation.figures import digits, written
from thalweg.report.charts import scatter
from thalweg.report.examples import shown, shown_fields, view_of
from thalweg.report.markup import columns, figure, folded, paragraph, section, table, text, unbroken
from thalweg.report.residual_chart import residuals, spread_said
from thalweg.report.run_facts import Facts
from thalweg.report.sentences import confused, erred

WIDE, SHARED = 4, 6
"""More classes than these have their matrix over the whole width, and no shares beneath its counts."""
LONG, LONGEST = 7, 24
"""Signs from which on names stand upright above many columns; signs of a name that are shown."""


def errors_section(facts: Facts) -> str:
    """Confusions or deviations, then examples."""
    found = facts.results.get("diagnosis") or {}
    mistakes = found.get("mistakes") or {}
    pictures = [_confusion(found.get("confusion") or {}, mistakes), _deviations(found.get("values") or {})]
    words = paragraph(_count(found, mistakes))
    if not any(pictures):
        return ""
    wide = len((found.get("confusion") or {}).get("classes") or []) > WIDE
    first = words + "".join(pictures) if wide else columns(*pictures, words)
    return section("errors", "Where it errs", first + _worst(facts, mistakes, _digits(found)))


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
        return figure(_matrix([str(name) for name in confusion["classes"]], confusion["counts"]), caption)
    rows = [
        [text(one["true"]), text(one["said"]), f"{one['count']:,}", f"{one['of']:,}"] for one in confusion.get("pairs") or []
    ]
    return figure(table(["true", "predicted", "times", "of"], rows) if rows else "", caption)


def _matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Rows are what is true, columns what was said; ours on the diagonal, grey off it, darker the larger its share."""
    few = len(classes) <= SHARED
    upright = not few and max(map(len, classes)) > LONG
    head = "".join(f'<th scope="col" title="{text(name)}"><span>{text(_cut(name))}</span></th>' for name in classes)
    body = "".join(
        f'<tr><th scope="row" title="{text(name)}">{text(_cut(name))}</th>{_cells(row, i, few=few)}</tr>'
        for i, (name, row) in enumerate(zip(classes, counts, strict=True))
    )
    kind = "heat few" if few else "heat upright" if upright else "heat"
    corner = '<td class="corner">true ↓ said →</td>'
    label = "True classes by row, predicted by column"
    whole = f"<thead><tr>{corner}{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="scroll"><table class="{kind}" aria-label="{label}">{whole}</table></div>'


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _cells(row: Sequence[int], own: int, *, few: bool) -> str:
    """A row's counts, each on its share of the row; where there is room, the share stands beneath."""
    whole = sum(row) or 1
    cells = []
    for j, count in enumerate(row):
        share = 100 * count / whole
        colour = f"color-mix(in srgb,var(--{'own' if j == own else 'other'}) {8 + 0.52 * share:.0f}%,transparent)"
        number = f"{count:,}" if count else "0" if few else "·"
        beneath = f"<small>{share:.0f} %</small>" if few else ""
        shade = f' style="background:{colour}"' if count else ""
        cells.append(f'<td{shade} title="{share:.0f} %">{number}{beneath}</td>')
    return "".join(cells)


def _deviations(values: Mapping[str, Any]) -> str:
    if not values.get("true"):
        return ""
    true, said = values["true"], values["said"]
    shown = f"Each dot is one of {len(true):,} test examples; where it is right, it lies on the dashed line."
    picture = scatter(true, said, "Predicted against true numbers", said_of_it=shown)
    rows = [[_number(one, None), _number(two, None)] for one, two in list(zip(true, said, strict=True))[:50]]
    beside = folded("The first fifty as a table", table(["true", "predicted"], rows))
    off = " ".join(one for one in (erred(values["errors"]), spread_said(true, said)) if one)
    apart = residuals(true, said, values["errors"], "Errors by what was predicted", told=off)
    return columns(
        figure(picture, shown, title="Predicted against true", beside=beside), figure(apart, off, title="How far off it is")
    )


def _digits(found: Mapping[str, Any]) -> int | None:
    """Digits after the point that predicted numbers deserve: a twentieth of how far they are off; None where there are none."""
    errors = (found.get("values") or {}).get("errors")
    return digits((errors["high"] - errors["low"]) / 20, percent=False) if errors else None


def _worst(facts: Facts, mistakes: Mapping[str, Any], count: int | None) -> str:
    """The worst mistakes as tiles where a field is a picture, else as rows of a table."""
    worst = mistakes.get("worst") or []
    kept = facts.results.get("examples_shown") or {}
    fields = shown_fields(kept)
    rows: Mapping[str, Mapping[str, Any]] = kept.get("rows") or {}
    if not worst:
        return ""
    tiles = [name for name, kind in fields.items() if view_of(kind).tile]
    if tiles:
        shown = "".join(_tile(one, tiles, fields, rows.get(str(one["row"])) or {}, count=count) for one in worst)
        return f'<div class="tiles">{shown}</div>'
    said = ["row", "true", "predicted", *(["sure"] if "sure" in worst[0] else []), *fields]
    shown = table(said, [_row(one, fields, rows.get(str(one["row"])) or {}, count=count) for one in worst])
    return f'<div class="rows">{shown}</div>'


def _tile(
    one: Mapping[str, Any], tiles: Sequence[str], fields: Mapping[str, str], kept: Mapping[str, Any], *, count: int | None
) -> str:
    pictures = "".join(shown(fields[name], kept.get(name)) for name in tiles)
    sure = f", {100 * one['sure']:.0f} % sure" if "sure" in one else ""
    words = f"said {_said(one['said'], count)}{sure}; true {_said(one['true'], None)}"
    return f"<figure>{pictures}<figcaption>{unbroken(text(words))}<br>row {text(one['row'])}</figcaption></figure>"


def _row(one: Mapping[str, Any], fields: Mapping[str, str], kept: Mapping[str, Any], *, count: int | None) -> list[str]:
    sure = [unbroken(f"{100 * one['sure']:.0f} %")] if "sure" in one else []
    cells = [shown(kind, kept.get(name)) for name, kind in fields.items()]
    return [text(one["row"]), text(_said(one["true"], None)), text(_said(one["said"], count)), *sure, *cells]


def _said(value: Any, count: int | None) -> str:  # noqa: ANN401 - a class's name or a number
    return _number(value, count) if isinstance(value, int | float) else f"“{value}”"


def _number(value: float, count: int | None) -> str:
    """A number with that many digits after the point; as it is where None is said."""
    return written(value, count) if count is not None else f"{value:,.6g}".replace("-", "−")
