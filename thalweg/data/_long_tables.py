"""Long tables of series: a row is a step, under the id of its series and the moment (or number) of the step.

Taken for such are tables with a column that names series, by its own name or by what it holds, in which another one orders
the rows, what is to be predicted is the same throughout each series, and numbers vary within them. `--field x=series` says so
where it is not seen; `--group id` that rows are examples of their own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from thalweg.core.errors import DataRefusal
from thalweg.core.printable import typed
from thalweg.data._paths import shown
from thalweg.data._steps import means_steps, meant, numbers, one_column, said_steps, shipped, step_kind, without_gaps
from thalweg.data.dataset import Examples
from thalweg.data.schema import NO_TARGET, TARGET_NAMES
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, coded, floats, take
from thalweg.fields.encoding import Role
from thalweg.fields.inference import ID_NAME
from thalweg.fields.spelled_dates import moment

NAMES_SERIES = re.compile(
    r"^(?:id|series|sample|subject|patient|unit|case|trial|sequence|instance|episode|recording|segment|session)(?:[ _]id)?$"
)
ORDERS_STEPS = re.compile(
    r"^(?:t|ts|when|hour|minute|day|date|date[ _]?time|tick|frame|cycle|moment|steps?|time(?:[ _]?(?:steps?|stamp|point|id))?)$"
)
GLANCE = 2000
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
        usual: the column that names series is called as such columns are.
        stated: the user, or the model, says so.
    """

    id: str
    time: str | None
    of: np.ndarray
    order: np.ndarray
    values: dict[str, np.ndarray] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    usual: bool = True
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
    target = _target(examples, names, settings)
    for found in _found(names, settings, stated, target):
        _sort_out(found, names, settings, stated)
        if found.values and (stated or _seen(found, settings, target)):
            return _joined(examples, found, settings)
    return None


def _target(examples: Examples, columns: Mapping[str, Column], settings: DataSettings) -> str | None:
    """What is probably to be predicted: as said, as the source knows, by its name, or the last column."""
    if settings.target is not None:
        return settings.target
    known = [name for name, role in examples.roles.items() if role == "target"]
    folded = {name.casefold(): name for name in columns}
    usual = [folded[name] for name in TARGET_NAMES if name in folded]
    return next(iter([*known, *usual, *list(columns)[-1:]]), None)


def _scalar(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return column.ndim == 1
    return not any(isinstance(one, list | np.ndarray) for one in column[:50])


def _found(columns: Mapping[str, Column], settings: DataSettings, stated: Sequence[str], target: str | None) -> Iterator[Long]:
    """Pairs of a column that may name series and one that orders their steps, the likeliest first."""
    times = _times(columns, settings)
    if not times and not stated:
        return
    read: dict[str, np.ndarray] = {}
    for name, usual in _ids(columns, settings, stated, [*times, target]):
        of = _numbered(columns[name]) if usual or _same_so_far(columns[name], columns.get(str(target))) else None
        if of is None or not (usual or (_enough(of) and target in columns and _same_throughout(columns[str(target)], of))):
            continue
        read = read or {one: _moments(columns[one], settings) for one in times}
        time = next((one for one in times if one != name and (stated or not _twice(read[one], of))), None)
        if time is None and not stated:
            continue
        order = _ordered(time, read[time], of) if time is not None else np.argsort(of, kind="stable")
        yield Long(name, time, of, order, usual=usual, stated=bool(stated))


def _ids(
    columns: Mapping[str, Column], settings: DataSettings, stated: Sequence[str], others: Sequence[str | None]
) -> list[tuple[str, bool]]:
    """Columns that may name series, and whether they are said or called so; those first, then any of words or whole numbers."""
    said = [name for name in columns if settings.fields.get(name) == "id"]
    if stated and settings.group is not None and settings.group in columns:
        said.append(settings.group)
    if said:
        return [(name, True) for name in said]
    taken = {*settings.fields, settings.target, settings.group, settings.time}
    free = [name for name in columns if name not in taken and _scalar(columns[name])]
    usual = [name for name in free if NAMES_SERIES.match(name.casefold()) or ID_NAME.search(name)]
    rest = [name for name in free if name not in usual and name not in others and _may_name(columns[name])]
    return [*((name, True) for name in usual), *((name, False) for name in rest)]


def _may_name(column: Column) -> bool:
    """A glance: words, or whole numbers, some of which recur."""
    few = [str(one) for one in column[:200]]
    return not any("." in one and one.replace(".", "").lstrip("+-").isdigit() for one in few[:20]) and len(set(few)) < len(few)


def _same_so_far(names: Column, target: Column | None) -> bool:
    """A glance: among the first rows, those of one name have one value of the target."""
    first: dict[object, object] = {}
    few = zip(names[:GLANCE], [] if target is None else target[:GLANCE], strict=False)
    return all(first.setdefault(str(name), str(value)) == str(value) for name, value in few)


def _enough(of: np.ndarray) -> bool:
    lengths = np.bincount(of)
    return len(lengths) >= SERIES and float(np.median(lengths)) >= STEPS


def _numbered(column: Column) -> np.ndarray | None:
    """(N,) the number of each row's series, in order of first appearance; None where each row has its own, or none."""
    values, codes = coded(column)
    if (codes < 0).any() or len(values) < 2 or 2 * len(values) > len(codes):
        return None
    _, first = np.unique(codes, return_index=True)
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(values))
    return rank[codes]


def _times(columns: Mapping[str, Column], settings: DataSettings) -> list[str]:
    """Columns that may order the steps of series: as said, else by name, else those that hold moments."""
    said = settings.time or next((name for name in columns if settings.fields.get(name) == "time"), None)
    if said is not None:
        return [said] if said in columns else []
    free = [name for name in columns if name not in settings.fields]
    usual = [name for name in free if ORDERS_STEPS.match(name.casefold())]
    return usual or [name for name in free if _holds_moments(columns[name])]


def _holds_moments(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return column.dtype.kind == "M"
    few = [one for one in column[:20] if one is not None]
    return bool(few) and all(isinstance(one, str) and moment(one) is not None for one in few)


def _moments(column: Column, settings: DataSettings) -> np.ndarray:
    """(N,) numbers that order moments; NaN where there is none."""
    try:
        return floats(meant({"moment": column}, settings)["moment"])
    except (TypeError, ValueError):
        return np.full(len(column), np.nan)


def _twice(moments: np.ndarray, of: np.ndarray) -> bool:
    """A moment is missing, or stands twice in one series."""
    order = np.lexsort((moments, of))
    same = (np.diff(of[order]) == 0) & (np.diff(moments[order]) == 0)
    return bool(np.isnan(moments).any() or same.any())


def _ordered(time: str, moments: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Row numbers, series by series, in the order of their moments.

    Raises:
        DataRefusal: a moment is missing or stands twice in a series.
    """
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
        elif _same_throughout(column, found.of):
            found.same.append(name)
        elif values is None or stated or name in settings.fields or name in (settings.target, settings.group):
            found.left.append(name)
        else:
            found.values[name] = values


def _same_throughout(column: Column, of: np.ndarray) -> bool:
    """A column is the same throughout each series."""
    if not _scalar(column):
        return False
    codes = coded(column)[1]
    order = np.argsort(of, kind="stable")
    return not ((np.diff(codes[order]) != 0) & (np.diff(of[order]) == 0)).any()


def _no_numbers(name: str, column: Column) -> DataRefusal:
    return DataRefusal(
        "DATA_STEPS_NO_NUMBERS",
        f'"{shown(name)}" holds no numbers, such as {shown(repr(column[0])[:40])}',
        where=typed("field", name, step_kind()),
        why="the steps of a series are numbers",
        fix="name a column of numbers, or leave that out",
    )


def _seen(found: Long, settings: DataSettings, target: str | None) -> bool:
    """Where nobody says that the table is long: there are series enough, and what is to be predicted holds for all of one."""
    if not _enough(found.of) or settings.target == NO_TARGET:
        return False
    by_name = target is not None and target.casefold() in TARGET_NAMES
    if settings.target is not None or by_name or not found.usual:
        return target in found.same
    return bool(found.same) and target not in found.left


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
    of = f" of {', '.join(found.values)}" if len(found.values) > 1 else ""
    notes = [f"{made}: {name}, {said_steps(rows)}{of}"]
    if not found.stated:
        notes[0] += f" ({typed('group', found.id)} for rows as examples of their own)"
    if found.left:
        listed = ", ".join(map(shown, found.left[:8]))
        notes.append(f"left out, as they change within a series: {listed} (numbers among them: --field NAME={step_kind()})")
    if filled:
        notes.append(f"gaps in {filled:,} series lie on the straight line between their neighbours")
    return notes
