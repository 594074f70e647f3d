"""Wide tables of series: a row is a series, a column is a step (t0, t1, t2, ...; 0.0, 0.1, ...; column_2, column_3, ...).

Taken for series are columns whose names count evenly, whose values are numbers with fractions on one scale, and in which
neighbours are alike. Where a file has no line of names, a first column of few whole numbers holds the classes, as in the
archive of UCR.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from thalweg.core import registry
from thalweg.core.printable import typed
from thalweg.data._steps import means_steps, meant, numbers, one_column, said_steps, shipped, step_kind, told, without_gaps
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, Look
from thalweg.fields.encoding import Role

SHORTEST = 16
"""Columns fewer than these are not taken for steps unless the user says so."""
LEAST = 2
"""Columns that are steps where the user does."""
MOST_CLASSES = 100
NUMBERED = re.compile(r"^(.*?)[\s_.-]*(\d+(?:\.\d+)?)$")
UNNAMED = "column"
"""What columns of a file without names are called, before their number."""


@dataclass(frozen=True)
class Run:
    """Columns whose names count.

    Attributes:
        stem: what stands before the numbers.
        names: of the columns, in order.
    """

    stem: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """What their series is called."""
        return self.stem if self.stem != UNNAMED else "series"


def wide_table(examples: Examples, settings: DataSettings) -> Examples:
    """The examples with each run of columns that are steps as one field.

    Raises:
        DataRefusal: columns that the user calls steps hold no numbers.
    """
    said = {name for name, word in settings.fields.items() if means_steps(word)}
    free = [name for name in examples.columns if name not in told(settings) and name not in examples.kinds]
    for run in runs(free):
        examples = _with_run(examples, run, settings, stated=run.stem in said)
    return examples


def runs(names: Sequence[str]) -> list[Run]:
    """Stretches of columns that share a stem and whose numbers rise evenly."""
    found: list[Run] = []
    stem = ""
    members: list[str] = []
    values: list[float] = []
    for name in [*names, ""]:
        match = NUMBERED.match(name)
        value = float(match[2]) if match else np.nan
        fits = match is not None and bool(members) and match[1] == stem and _even(values, value)
        if not fits:
            found += [Run(stem or "series", tuple(members))] if len(members) >= LEAST else []
            members, values = [], []
        if match is not None:
            stem = match[1]
            members.append(name)
            values.append(value)
    return [one for one in found if sum(other.stem == one.stem for other in found) == 1]


def _even(values: Sequence[float], value: float) -> bool:
    """Whether a number goes on as those before it."""
    if len(values) < 2:
        return value > values[-1]
    step = values[1] - values[0]
    return abs(value - values[-1] - step) <= 1e-3 * step


def _with_run(examples: Examples, run: Run, settings: DataSettings, *, stated: bool) -> Examples:
    """The examples with a run as one field, where its columns are steps; else with its stem as a name for all of them."""
    if run.stem in examples.columns or examples.meant(run.stem) != (run.stem,):
        return examples
    named = replace(examples, spread={**examples.spread, run.stem: run.names})
    spoken = any(name == run.stem for name in (*settings.fields, *settings.ignore))
    if not stated and (spoken or len(run.names) < SHORTEST or not _glanced(examples, run)):
        return named
    table, run = _without_classes(_table(examples, run, settings), run)
    if table is None:
        return named
    return _joined(examples, run, table, "") if stated else _if_alike(examples, run, table) or named


def _if_alike(examples: Examples, run: Run, table: np.ndarray) -> Examples | None:
    """The examples with a run as one field, where neighbours are alike; None where they are not."""
    if not _with_fractions(table) or len(run.names) < SHORTEST:
        return None
    if registry.load("kind", step_kind()).recognise(Look(run.name, _full(table))) is None:
        return None
    said = f"the {len(run.names):,} columns {run.names[0]} to {run.names[-1]} are read as {run.name}, a series in each row"
    return _joined(
        examples, run, table, f"{said}: neighbours are alike ({typed('field', run.stem, 'number')} for a table of numbers)"
    )


def _table(examples: Examples, run: Run, settings: DataSettings) -> np.ndarray | None:
    """(N, T) float64; None where a column holds no numbers."""
    read = meant({name: examples.columns[name] for name in run.names}, settings)
    columns = [numbers(read[name]) for name in run.names]
    return None if any(one is None for one in columns) else np.stack([one for one in columns if one is not None], axis=1)


def _glanced(examples: Examples, run: Run) -> bool:
    """What stands in the first rows begins as numbers do."""
    columns = (examples.columns[name] for name in run.names)
    return all(str(one).strip()[:1] in "+-.0123456789nN?" for column in columns for one in column[:20] if one is not None)


def _without_classes(table: np.ndarray | None, run: Run) -> tuple[np.ndarray | None, Run]:
    """The table and its run without a first column, in files without names, that holds classes."""
    if table is None or run.stem != UNNAMED:
        return table, run
    first = table[:, 0]
    classes = not np.isnan(first).any() and (first == np.round(first)).all() and len(np.unique(first)) <= MOST_CLASSES
    return (table[:, 1:], Run(run.stem, run.names[1:])) if classes and _with_fractions(table[:, 1:]) else (table, run)


def _with_fractions(table: np.ndarray) -> bool:
    """Most columns hold numbers that are not whole: whole ones may be counts, or the pixels of pictures."""
    return bool(np.mean(((table != np.round(table)) & ~np.isnan(table)).any(axis=0)) > 0.5)


def _full(table: np.ndarray) -> np.ndarray:
    """A few rows without gaps, to look at."""
    return np.stack([without_gaps(row[:, None])[:, 0] for row in table[:: max(1, len(table) // 500)]])


def _joined(examples: Examples, run: Run, table: np.ndarray, said: str) -> Examples:
    """The examples with the columns of a run as one, in the place of the first."""
    rows, kind = [_row(row) for row in table], step_kind()
    columns: dict[str, Column] = {}
    for name, column in examples.columns.items():
        if name == run.names[0]:
            columns[run.name] = one_column(rows)
        elif name not in run.names:
            columns[name] = column
    notes = [said, f"{run.name}: {said_steps(rows)}{_said_gaps(table, rows)}"] if said else []
    return replace(
        examples,
        columns=columns,
        kinds={**examples.kinds, run.name: kind},
        roles=_with_target(examples, columns, run),
        spread={**examples.spread, **({run.stem: (run.name,)} if run.name != run.stem else {})},
        notes=[*examples.notes, *notes],
        facts=shipped(examples.facts, {run.stem: kind}),
    )


def _row(row: np.ndarray) -> np.ndarray:
    """A series (T,) without the gaps at its end, those within it filled."""
    there = np.flatnonzero(~np.isnan(row))
    return without_gaps(row[: there[-1] + 1, None])[:, 0] if len(there) else row[:1]


def _said_gaps(table: np.ndarray, rows: Sequence[np.ndarray]) -> str:
    filled = sum(bool(np.isnan(row[: len(kept)]).any()) for row, kept in zip(table, rows, strict=True))
    return f"; gaps in {filled:,} series lie on the straight line between their neighbours" if filled else ""


def _with_target(examples: Examples, columns: Mapping[str, Column], run: Run) -> dict[str, Role]:
    """Roles, where a file without names leaves one column beside its series: that is what is to be predicted."""
    others = [name for name in columns if name != run.name]
    alone = run.stem == UNNAMED and len(others) == 1
    return {**examples.roles, **({others[0]: "target"} if alone else {})}
