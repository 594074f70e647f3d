"""A map of the training examples: units on a grid, how far neighbours lie apart, and what lies in each.

Letters: N examples, R rows, C columns, K units, D values of a code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.fields.column import coded, take
from thalweg.layers.on_grid import OnGrid, apart
from thalweg.packages.package import Package
from thalweg.report.charts import SIGN, Frame, svg
from thalweg.report.examples import examples_of, pictured, shown, shown_fields
from thalweg.report.map_planes import planes, planes_of
from thalweg.report.markup import figure, folded, section, table, text
from thalweg.report.run_facts import Facts
from thalweg.tasks._task import restore_modes, set_evaluating

BATCH = 256
WIDTH, HIGHEST = 440, 640
"""Pixels of the picture, at most."""
LEAST = 12
"""Pixels of a unit's side below which nothing is written into it."""
TILED = 256
"""Units beyond which no example of each is shown."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def with_map(results: Mapping[str, Any], package: Package, dataset: Dataset) -> dict[str, Any]:
    """The results with what a map made of the training examples under `map`; as they are for other models.

    `apart` and `counts` are (R, C), and so is each column of `planes`; `classes` tells the class that most examples of each
    unit are of, where the data have a target with classes, which no map reads; `nearest` is the example nearest to each unit's
    code, where one is a picture.
    """
    if not isinstance(package.model, OnGrid) or not isinstance(dataset, StoredDataset):
        return dict(results)
    grid, rows = package.model.grid().detach(), dataset.parts["train"].numpy()
    unit, distance = _placed(package, dataset)
    units, between = grid[..., 0].numel(), apart(grid)
    found = {
        "apart": [[float(f"{one:.4g}") for one in row] for row in between.tolist()],
        "counts": np.bincount(unit, minlength=units).reshape(between.shape).tolist(),
        "classes": _classes(dataset, rows, unit, units=units),
    }
    found["planes"] = planes_of(dataset, rows, unit, between.shape)
    fields = pictured(dataset)
    if fields and units <= TILED:
        order = np.lexsort((distance, unit))  # the nearest of each unit first
        first = order[np.unique(unit[order], return_index=True)[1]]
        row_of = {int(unit[place]): int(rows[place]) for place in first}
        found["nearest"] = examples_of(dataset, row_of.values(), fields) | {"row_of": {str(k): v for k, v in row_of.items()}}
    return {**results, "map": {name: one for name, one in found.items() if one}}


def _placed(package: Package, dataset: StoredDataset) -> tuple[np.ndarray, np.ndarray]:
    """The unit of each training example (N,), and the squared distance of its code (N,)."""
    distances, units = [], []
    modes = set_evaluating(package.model)
    try:
        with torch.no_grad():
            for batch in dataset.batches("train", size=BATCH):
                arguments, named = package.task.ports.given(batch)
                least, unit = package.model(*arguments, **named).flatten(1).min(1)
                distances.append(least.double().cpu())
                units.append(unit.cpu())
    finally:
        restore_modes(modes)
    return torch.cat(units).numpy(), torch.cat(distances).numpy()


def _classes(dataset: StoredDataset, rows: np.ndarray, unit: np.ndarray, *, units: int) -> dict[str, Any]:
    """Of each unit (K,) the class that most of its examples are of, None where it has none; and the share that are of it."""
    for target in dataset.encodings.of_role("target"):
        strata = target.strata([dataset.examples.columns[name] for name in target.fields])
        if strata is None:
            continue
        names, codes = coded(take(strata, rows))
        counts = np.zeros((units, len(names)), dtype=np.int64)
        known = codes >= 0
        np.add.at(counts, (unit[known], codes[known]), 1)
        most = [int(row.argmax()) if row.any() else None for row in counts]
        share = counts.max(axis=1).sum() / max(counts.sum(), 1)
        return {"target": target.name, "names": [str(name) for name in names], "most": most, "share": float(share)}
    return {}


def map_section(facts: Facts) -> str:
    """The map as a picture; the same as a table, and an example of each unit, beneath."""
    found = facts.results.get("map") or {}
    if not found.get("apart"):
        return ""
    beside = folded("Examples in each unit as a table", _counted(found)) + _nearest(found)
    return section(
        "map", "The map", figure(_picture(found), _caption(found), beside=beside) + planes(found.get("planes") or {})
    )


def _picture(found: Mapping[str, Any]) -> str:
    """Squares, stronger the further their code lies from its neighbours, with the class or the number of their examples."""
    between, side = found["apart"], _side(found)
    wide = len(between[0])
    counts, marks = [one for row in found["counts"] for one in row], _marks(found, side)
    flat = [one for row in between for one in row]
    low, span = min(flat), (max(flat) - min(flat)) or 1.0
    cells = ""
    for unit, one in enumerate(flat):
        left, top = unit % wide * side, unit // wide * side
        cells += _square(left, top, side, shade=(one - low) / span)
        if counts[unit] and side >= LEAST:
            place = f'x="{left + side / 2:.1f}" y="{top + side / 2 + 4:.1f}"'
            cells += f'<text {place} text-anchor="middle">{text(marks[unit])}</text>'
    frame = Frame((0, 1), (0, 1), width=round(side * wide), height=round(side * len(between)))
    return svg(frame, "The map of the training examples", cells, said=_caption(found))


def _square(left: float, top: float, side: float, *, shade: float) -> str:
    """One unit, its shade from 0 (light) to 1 (dark)."""
    place = f'x="{left + 1:.1f}" y="{top + 1:.1f}" width="{side - 2:.1f}" height="{side - 2:.1f}"'
    return f'<rect {place} rx="2" fill="var(--own)" fill-opacity="{0.06 + 0.44 * shade:.2f}"/>'


def _side(found: Mapping[str, Any]) -> float:
    """Pixels of a unit's side."""
    return min(WIDTH / len(found["apart"][0]), HIGHEST / len(found["apart"]))


def _marks(found: Mapping[str, Any], side: float) -> list[str]:
    """What is written into each unit: its class, or a letter for it where names have no room; else how many examples it has."""
    classes = found.get("classes")
    if not classes:
        return [f"{count:,}" for row in found["counts"] for count in row]
    names = _letters(classes["names"], side)
    return ["" if one is None else names[one] for one in classes["most"]]


def _letters(names: Sequence[str], side: float) -> list[str]:
    """The names where they have room, else letters, else numbers."""
    if max(map(len, names)) * SIGN <= side:
        return list(names)
    return [LETTERS[place] if len(names) <= len(LETTERS) else str(place + 1) for place in range(len(names))]


def _caption(found: Mapping[str, Any]) -> str:
    between, counts = found["apart"], [one for row in found["counts"] for one in row]
    told = (
        f"{len(between)} × {len(between[0])} units; neighbours stand for similar examples. The stronger a unit's colour, the "
        f"further it lies from its neighbours: strong lines part clusters. {sum(map(bool, counts)):,} units hold "
        f"{sum(counts):,} training examples"
    )
    classes = found.get("classes")
    if not classes:
        return f"{told}; written into each is how many."
    names, target = classes["names"], classes["target"]
    marks = _letters(names, _side(found))
    key = "" if marks == list(names) else f" ({', '.join(f'{a}: {b}' for a, b in zip(marks, names, strict=True))})"
    return (
        f"{told}. Written into each is the {target} of most of them{key}, which the map did not read; "
        f"{100 * classes['share']:.0f} % of the examples are of their unit's {target}."
    )


def _counted(found: Mapping[str, Any]) -> str:
    head = ["row", *(f"column {place}" for place in range(len(found["counts"][0])))]
    return table(
        head,
        [[str(place), *(f"{one:,}" for one in row)] for place, row in enumerate(found["counts"])],
        named="Examples in each unit",
    )


def _nearest(found: Mapping[str, Any]) -> str:
    """The example nearest to each unit's code, at the unit's place; nothing where none is a picture."""
    kept = found.get("nearest") or {}
    fields, row_of = shown_fields(kept), kept.get("row_of") or {}
    if not fields:
        return ""
    wide = len(found["counts"][0])
    cells = []
    for unit in range(wide * len(found["counts"])):
        one, row = kept["rows"].get(str(row_of.get(str(unit)))) or {}, row_of.get(str(unit))
        pictures = (shown(kind, one[name], named=f"{name} of row {row}") for name, kind in fields.items() if name in one)
        cells.append(f"<figure>{''.join(pictures)}</figure>")
    style = f"grid-template-columns:repeat({wide},minmax(0,1fr));gap:2px;max-width:{WIDTH}px"
    tiles = f'<div class="tiles" style="{style}">{"".join(cells)}</div>'
    return figure(tiles, "The training example nearest to each unit, at its place.")
