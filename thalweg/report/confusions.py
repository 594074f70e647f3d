"""What is taken for what: all counts as a table for few classes; for many a picture, and the worst pairs with examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.report.examples import shown, shown_fields, view_of
from thalweg.report.heat_map import heat_map
from thalweg.report.markup import caption, figure, folded, part, table, text, unbroken, wide
from thalweg.report.sentences import confused

WIDE, SHARED, FEW = 4, 6, 12
"""More classes than these have their matrix over the whole width, no shares beneath its counts, and a picture in its place."""
LONG, LONGEST = 7, 24
"""Signs from which on names stand upright above many columns; signs of a name that are shown."""
TITLE = "True classes by row, predicted by column"

Confusion = Mapping[str, Any]


def confusions(confusion: Confusion, mistakes: Mapping[str, Any], examples: Mapping[str, Any]) -> str:
    """The picture or table that the number of classes asks for; nothing where no classes are predicted.

    Args:
        examples: `fields` with their kinds, and `rows` as their views keep them.
    """
    if not confusion:
        return ""
    said = confused(confusion, mistakes)
    classes, counts = [str(name) for name in confusion.get("classes") or []], confusion.get("counts")
    if counts and len(classes) <= FEW:
        return figure(matrix(classes, counts), said)
    listed = _pairs(confusion.get("pairs") or [], examples)
    if not counts:
        return figure(listed, said)
    picture = heat_map(classes, counts, TITLE, said=said)
    each = folded(f"All {len(classes):,} classes as a table", _by_class(classes, counts))
    return figure(picture, said, beside=each) + listed


def over_the_width(confusion: Confusion) -> bool:
    """Its matrix needs the whole width of the page."""
    return len(confusion.get("classes") or []) > WIDE


def matrix(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
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
    whole = f"<thead><tr>{corner}{head}</tr></thead><tbody>{body}</tbody>"
    return wide(f'<table class="{kind}">{caption(TITLE)}{whole}</table>', named=TITLE)


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _cells(row: Sequence[int], own: int, *, few: bool) -> str:
    """A row's counts, each on its share of the row; where there is room, the share stands beneath."""
    whole = sum(row) or 1
    cells = []
    for j, count in enumerate(row):
        share = 100 * count / whole
        colour = f"color-mix(in srgb,var(--{'own' if j == own else 'other'}) {8 + 0.4 * share:.0f}%,transparent)"
        number = f"{count:,}" if count else "0" if few else "·"
        beneath = f"<small>{share:.0f} %</small>" if few else ""
        shade = f' style="background:{colour}"' if count else ""
        cells.append(f'<td{shade} title="{share:.0f} %">{number}{beneath}</td>')
    return "".join(cells)


def _pairs(pairs: Sequence[Mapping[str, Any]], examples: Mapping[str, Any]) -> str:
    """The pairs most often confused, each with what the model was surest of among them."""
    fields, rows = shown_fields(examples), examples.get("rows") or {}
    telling = [
        name for name, kind in fields.items() if view_of(kind).alone and any(str(one.get("row")) in rows for one in pairs)
    ]
    there = {name: fields[name] for name in telling[:1]}
    cells = [_pair(one, there, rows.get(str(one.get("row"))) or {}) for one in pairs]
    head = ["true", "said", "times", "share", *(f"{name} of one of them" for name in there)]
    what = "The pairs most often confused"
    return part(what, f'<div class="rows">{table(head, cells, named=what)}</div>') if cells else ""


def _pair(one: Mapping[str, Any], fields: Mapping[str, str], kept: Mapping[str, Any]) -> list[str]:
    met = [
        text(one["true"]),
        text(one["said"]),
        f"{one['count']:,}\u00a0of\u00a0{one['of']:,}",
        _share(one["count"], one["of"]),
    ]
    return met + [shown(kind, kept.get(name), named=f"{name} of row {one.get('row')}") for name, kind in fields.items()]


def _by_class(classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """How often each class is told rightly, and what it is most often taken for."""
    rows = []
    for i, (name, row) in enumerate(zip(classes, counts, strict=True)):
        others = [0 if j == i else count for j, count in enumerate(row)]
        most = max(others)
        taken = f"{text(classes[others.index(most)])}, {most:,} times" if most else "–"
        rows.append([text(name), f"{sum(row):,}", _share(row[i], sum(row)), taken])
    return table(["class", "examples", "told rightly", "most often taken for"], rows, named="Each class")


def _share(count: int, of: int) -> str:
    return unbroken(f"{100 * count / of:.0f} %") if of else "–"
