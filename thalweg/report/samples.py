"""What a model makes when nothing but a number is asked of it, kept in a run's results beside real examples, and shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core import registry
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.fields.column import Column, plain
from thalweg.packages.package import Package
from thalweg.report.examples import kept, shown, shown_fields, view_of
from thalweg.report.markup import columns, figure, section, table, text
from thalweg.report.run_facts import Facts

EACH = 16
"""Examples that are shown each by itself."""


def with_samples(results: Mapping[str, Any], package: Package, dataset: Dataset, *, seed: int) -> dict[str, Any]:
    """The results with what the model makes under `made`: `fields`, `own` and `real` rows as their views keep them.

    They stay as they are where the task answers nothing without input, or gives no field that a view shows.
    """
    request = package.example_request()
    known = set(registry.names("view"))
    if not request:
        return dict(results)
    own = package.predict(seed=seed, request=dict.fromkeys(request, EACH))
    fields = {name: one.kind for name, one in package.encodings.items() if name in own and one.kind in known}
    if not fields:
        return dict(results)
    count = max((view_of(kind).crowd for kind in fields.values()), default=0) or EACH
    if count != EACH:
        own = package.predict(seed=seed, request=dict.fromkeys(request, count), talk=Talk())
    return {
        **results,
        "made": {"fields": fields, "own": _rows(own, fields), "real": _rows(_real(dataset, fields, count), fields)},
    }


def _real(dataset: Dataset, fields: Mapping[str, str], count: int) -> dict[str, Column]:
    """The first test examples, in raw values."""
    batch = next(iter(dataset.batches("test", size=count)), None)
    there = {} if batch is None else {name: batch[name] for name in fields if name in batch}
    return {name: dataset.encodings[name].decode(tensor) for name, tensor in there.items()}


def _rows(made: Mapping[str, Column], fields: Mapping[str, str]) -> list[dict[str, Any]]:
    there = {name: column for name, column in made.items() if name in fields}
    length = min((len(column) for column in there.values()), default=0)
    return [{name: kept(fields[name], plain(column[i])) for name, column in there.items()} for i in range(length)]


def samples_section(facts: Facts) -> str:
    """What it makes, beside real examples."""
    made = facts.results.get("made") or {}
    fields, own, real = shown_fields(made), made.get("own") or [], made.get("real") or []
    if not fields or not own:
        return ""
    together = [_together(name, kind, own, real) for name, kind in fields.items()]
    if any(together):
        return section("samples", "What it makes", "".join(together))
    first = figure(_each(own[:EACH], fields), "Made from chance alone; none was picked.", title="Made")
    second = figure(_each(real[:EACH], fields), "The first of the test part, for comparison.", title="Real") if real else ""
    tiles = any(view_of(kind).tile for kind in fields.values())
    return section("samples", "What it makes", columns(first, second) if tiles else first + second)


def _together(name: str, kind: str, own: Sequence[Mapping[str, Any]], real: Sequence[Mapping[str, Any]]) -> str:
    """All in one picture, where the kind has one."""
    both = [[one[name] for one in rows if one.get(name) is not None] for rows in (own, real)]
    picture = view_of(kind).together(*both)
    caption = f"{len(both[0]):,} made from chance alone, over {len(both[1]):,} real ones of the test part in grey."
    return figure(picture, caption, title=f"{name}: made, and real") if picture else ""


def _each(rows: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> str:
    """Tiles where a field is a picture, else a table."""
    tiles = [name for name, kind in fields.items() if view_of(kind).tile]
    words = [name for name in fields if name not in tiles]
    if not tiles:
        return table(list(fields), [[shown(fields[name], row.get(name)) for name in fields] for row in rows], named="Examples")
    return '<div class="tiles close">' + "".join(_tile(row, fields, tiles, words) for row in rows) + "</div>"


def _tile(row: Mapping[str, Any], fields: Mapping[str, str], tiles: Sequence[str], words: Sequence[str]) -> str:
    pictures = "".join(shown(fields[name], row.get(name)) for name in tiles)
    said = ", ".join(f"{text(name)} {shown(fields[name], row.get(name))}" for name in words)
    caption = f"<figcaption>{said}</figcaption>" if said else ""
    return f"<figure>{pictures}{caption}</figure>"
