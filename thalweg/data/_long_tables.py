"""Long tables of series: a row is a step, under the id of its series and the moment (or number) of the step.

Taken for such are tables with a column that names series, in which another one orders the rows, what is to be predicted is the
same throughout each series, and numbers vary within them. `--field x=series` says so where it is not seen; `--group id` that
rows are examples of their own.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.data._steps import means_steps, meant, numbers, one_column, said_steps, shipped, step_kind, without_gaps
from thalweg.data.dataset import Examples
from thalweg.data.schema import NO_TARGET, TARGET_NAMES
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, coded, floats, take
from thalweg.fields.encoding import Role
from thalweg.fields.inference import ID_NAME

NAMES_SERIES = re.compile(
    r"^(?:id|series|sample|subject|patient|unit|case|trial|sequence|instance|episode|recording|segment|session)(?:[ _]id)?$"
)
ORDERS_STEPS = re.compile(
    r"^(?:t|date|date[ _]?time|tick|frame|cycle|seconds|ms|moment|steps?|time(?:[ _]?(?:steps?|stamp|point|id|index))?)$"
)
SERIES, STEPS = 8, 4
"""Series that there are, and steps that they have in the middle, where nobody says that a table is long."""


@dataclass
class Long:
    """How a table is long.

    Attributes:
        id: the column that names series; `time`: the one that orders their steps, None for the order of rows.
        of: (N,) the number of each row's series, in order of first appearance.
        order: row numbers, series by series, in the order of steps.
        values: columns of steps, as numbers.
        same: columns that are the same throughout each series; `left` those that are neither.
        stated: the user, or the model, says so.
    """

    id: str
    time: str | None
    of: np.ndarray
    order: np.ndarray
    values: dict[str, np.ndarray] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    stated: bool = False

    @property
    def begins(self) -> np.ndarray:
        """(S + 1,) where each series begins in `order`."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.of))])


def long_table(examples: Examples, settings: DataSettings) -> Examples | None:
    """The examples with a row for each series; None where the table is not long.

    Raises:
        DataRefusal: the user says that it is, but a moment stands twice, is missing, or values are no numbers.
    """
    names = {name: column for name, column in examples.columns.items() if name not in settings.ignore}
    stated = [name for name in names if means_steps(settings.fields.get(name)) and _scalar(names[name])]
    found = _found(names, settings, stated)
    if found is None:
        return None
    _sort_out(found, names, settings, stated)
    if not found.values or (not stated and not _seen(found, examples, settings)):
        return None
    return _joined(examples, found, settings)


def _scalar(column: Column) -> bool:
    return (
        column.ndim == 1
        if isinstance(column, np.ndarray)
        else not any(isinstance(one, list | np.ndarray) for one in column[:50])
    )


def _found(columns: Mapping[str, Column], settings: DataSettings, stated: Sequence[str]) -> Long | None:
    """The columns that name series and order steps; None where there are none."""
    for name in _ids(columns, settings, stated):
        of = _numbered(columns[name])
        if of is None:
            continue
        time = _time(columns, of, settings, name, stated=bool(stated))
        if time is None and not stated:
            continue
        order = _ordered(columns, of, time, settings) if time is not None else np.argsort(of, kind="stable")
        return Long(name, time, of, order, stated=bool(stated))
    return None


def _ids(columns: Mapping[str, Column], settings: DataSettings, stated: Sequence[str]) -> list[str]:
    """Columns that may name series, those that the user says first."""
    said = [name for name in columns if settings.fields.get(name) == "id"]
    if stated and settings.group is not None and settings.group in columns:
        said.append(settings.group)
    if said:
        return said
    taken = {*settings.fields, settings.target, settings.group, settings.time}
    usual = [name for name in columns if NAMES_SERIES.match(name.casefold()) or ID_NAME.search(name)]
    return [name for name in usual if name not in taken and _scalar(columns[name])]


def _numbered(column: Column) -> np.ndarray | None:
    """(N,) the number of each row's series, in order of first appearance; None where each row has its own, or none."""
    values, codes = coded(column)
    if (codes < 0).any() or len(values) < 2 or 2 * len(values) > len(codes):
        return None
    _, first = np.unique(codes, return_index=True)
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(values))
    return rank[codes]


def _time(columns: Mapping[str, Column], of: np.ndarray, settings: DataSettings, own: str, *, stated: bool) -> str | None:
    """The column that orders the steps of each series."""
    said = settings.time or next((name for name in columns if settings.fields.get(name) == "time"), None)
    if said is not None:
        return said if said in columns else None
    usual = [name for name in columns if ORDERS_STEPS.match(name.casefold()) and name != own and name not in settings.fields]
    return next((name for name in usual if stated or not _twice(_moments(columns[name], settings), of)), None)


def _moments(column: Column, settings: DataSettings) -> np.ndarray:
    """(N,) numbers that order moments; NaN where there is none."""
    try:
        return floats(meant({"moment": column}, settings)["moment"])
    except (TypeError, ValueError):
        return np.full(len(column), np.nan)


def _twice(moments: np.ndarray, of: np.ndarray) -> bool:
    """A moment is missing, or stands twice in one series."""
    return bool(np.isnan(moments).any()) or len(np.unique(np.stack([of.astype(np.float64), moments]), axis=1).T) < len(of)


def _ordered(columns: Mapping[str, Column], of: np.ndarray, time: str, settings: DataSettings) -> np.ndarray:
    """Row numbers, series by series, in the order of their moments.

    Raises:
        DataRefusal: a moment is missing or stands twice in a series.
    """
    moments = _moments(columns[time], settings)
    order = np.lexsort((moments, of))
    same = (np.diff(of[order]) == 0) & (np.diff(moments[order]) == 0)
    wrong = np.flatnonzero(np.isnan(moments)).tolist() or order[1:][same].tolist()
    if wrong:
        what = "no moment" if np.isnan(moments).any() else "a moment that stands twice in its series"
        raise DataRefusal(
            "DATA_TIME_STEPS",
            f'{len(wrong):,} row{"" if len(wrong) == 1 else "s"} with {what} in "{shown(time)}"',
            where="rows " + ", ".join(f"{row:,}" for row in wrong[:5]) + ", counted from 0",
            why="steps are put in the order of their moments",
            fix="correct or leave out these rows, or name another column: --time NAME",
            details={"rows": wrong[:1000]},
        )
    return order


def _sort_out(found: Long, columns: Mapping[str, Column], settings: DataSettings, stated: Sequence[str]) -> None:
    """Tell columns of steps, columns that are the same throughout each series, and others apart.

    Raises:
        DataRefusal: what the user calls steps holds no numbers.
    """
    others = {name: column for name, column in columns.items() if name not in (found.id, found.time)}
    read = meant(others, settings)
    for name, column in others.items():
        values = numbers(read[name]) if _scalar(column) else None
        if name in stated:
            if values is None:
                raise _no_numbers(name, column)
            found.values[name] = values
        elif _constant(column, found):
            found.same.append(name)
        elif values is None or stated or name in settings.fields or name in (settings.target, settings.group):
            found.left.append(name)
        else:
            found.values[name] = values


def _constant(column: Column, found: Long) -> bool:
    """A column is the same throughout each series."""
    if not _scalar(column):
        return False
    codes = coded(column)[1][found.order]
    return not ((np.diff(codes) != 0) & (np.diff(found.of[found.order]) == 0)).any()


def _no_numbers(name: str, column: Column) -> DataRefusal:
    return DataRefusal(
        "DATA_STEPS_NO_NUMBERS",
        f'"{shown(name)}" holds no numbers, such as {shown(repr(column[0])[:40])}',
        where=f"--field {shown(name)}={step_kind()}",
        why="the steps of a series are numbers",
        fix="name a column of numbers, or leave that out",
    )


def _seen(found: Long, examples: Examples, settings: DataSettings) -> bool:
    """Where nobody says that the table is long: there are series enough, and what is to be predicted holds for all of one."""
    lengths = np.bincount(found.of)
    if len(lengths) < SERIES or np.median(lengths) < STEPS or settings.target == NO_TARGET:
        return False
    if settings.target is not None:
        return settings.target in found.same
    known = [name for name, role in examples.roles.items() if role == "target"]
    folded = {name.casefold(): name for name in (*found.same, *found.left, *found.values)}
    named = known or [folded[name] for name in TARGET_NAMES if name in folded][:1]
    return set(named) <= set(found.same) if named else bool(found.same)


def _joined(examples: Examples, found: Long, settings: DataSettings) -> Examples:
    """The examples with a row for each series."""
    firsts = found.order[found.begins[:-1]]
    name = _name(found)
    rows, filled = _rows(found)
    columns: dict[str, Column] = {found.id: take(examples.columns[found.id], firsts), name: one_column(rows)}
    columns |= {one: take(examples.columns[one], firsts) for one in found.same}
    if found.time is not None and settings.time == found.time:
        columns[found.time] = take(examples.columns[found.time], firsts)
    gone = [one for one in examples.columns if one not in columns]
    kind = step_kind()
    roles: dict[str, Role] = {**examples.roles, found.id: "id"}
    fields = {found.id: "id", **dict.fromkeys(found.values, kind), **({found.time: "time"} if found.time else {})}
    return replace(
        examples,
        columns=columns,
        kinds={**examples.kinds, name: kind},
        roles={one: role for one, role in roles.items() if one in columns},
        spread={**examples.spread, **{one: (name,) if one in found.values else () for one in gone}},
        notes=[*examples.notes, *_said(found, rows, name, filled)],
        facts=shipped(examples.facts, fields),
    )


def _name(found: Long) -> str:
    """What the field of series is called: as its only column of steps, else series."""
    if len(found.values) == 1:
        return next(iter(found.values))
    taken = {*found.same, found.id, found.time}
    return next(name for name in ("series", "all series", "all steps") if name not in taken)


def _rows(found: Long) -> tuple[list[np.ndarray], int]:
    """Each series (T,) or (T, C) without gaps, and how many had some."""
    table = np.stack(list(found.values.values()), axis=1)[found.order]  # (N, C)
    rows = [table[begin:end] for begin, end in zip(found.begins, found.begins[1:], strict=False)]
    filled = sum(bool(np.isnan(row).any()) for row in rows)
    whole = [without_gaps(row) for row in rows]
    return [row[:, 0] if row.shape[1] == 1 else row for row in whole], filled


def _said(found: Long, rows: Sequence[np.ndarray], name: str, filled: int) -> list[str]:
    """What was made of the table, and what says otherwise."""
    by = f"in the order of {found.time}" if found.time is not None else "in the order of rows"
    made = f"{len(found.of):,} rows are the steps of {len(rows):,} series, one for each {found.id}, {by}"
    notes = [f"{made}: {name}, {said_steps(rows)} of {', '.join(found.values)}"]
    if not found.stated:
        notes[0] += f" (--group {found.id} for rows as examples of their own)"
    if found.left:
        notes.append(f"left out, neither numbers nor the same throughout a series: {', '.join(map(shown, found.left[:8]))}")
    if filled:
        notes.append(f"gaps in {filled:,} series lie on the straight line between their neighbours")
    return notes
