"""Defects planted in real sets: each takes examples and says which rows it spoilt, or which column, and what must be found."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from thalweg.checks.identity import is_identifier
from thalweg.checks.seen import Seen
from thalweg.data.dataset import Examples
from thalweg.fields.column import Column, as_column, take


@dataclass
class Planted:
    """Spoilt examples.

    Attributes:
        rows: the rows that should be named; empty where a column or the whole should be.
        field: the column that should be named.
    """

    examples: Examples
    rows: Sequence[int] = ()
    field: str = ""


@dataclass(frozen=True)
class Plant:
    """A way to spoil.

    Attributes:
        detectors: names of those that should see it.
        codes: findings that count as seen; so does a code with `_ACROSS`.
        shares: of the rows, one after the other by seed.
        rows: of a set at most so many are taken.
        column: a finding counts in whole; else the share of the spoilt rows that are named.
        apart: every second seed puts what was added into the test part of a given split.
        silent: sets in which the detector keeps silent by its own rule, reported apart.
    """

    spoil: Callable[[Examples, float, np.random.Generator], Planted | None]
    detectors: tuple[str, ...]
    codes: tuple[str, ...]
    kinds: tuple[str, ...] = ("table",)
    shares: tuple[float, ...] = (0.01, 0.02, 0.03, 0.04, 0.05)
    rows: int = 1000
    column: bool = False
    apart: bool = False
    silent: frozenset[str] = frozenset()


def target_of(examples: Examples) -> str | None:
    """The column that is to be predicted."""
    return next((name for name, role in examples.roles.items() if role == "target"), None)


def inputs_of(examples: Examples) -> list[str]:
    """All other columns."""
    return [name for name in examples.columns if name != target_of(examples)]


def numbers_of(examples: Examples, *, least: int = 20) -> list[str]:
    """Inputs that are numbers with that many distinct values, and no ids."""
    columns = {name: examples.columns[name] for name in inputs_of(examples)}
    return [
        name
        for name, one in columns.items()
        if isinstance(one, np.ndarray)
        and one.ndim == 1
        and len(np.unique(one[np.isfinite(one)])) >= least
        and not is_identifier(Seen(name, one, "number", "input"))
    ]


def words_of(examples: Examples) -> list[str]:
    """Inputs that are words with few distinct values."""
    columns = {name: examples.columns[name] for name in inputs_of(examples)}
    return [
        name for name, one in columns.items() if isinstance(one, list) and isinstance(one[0], str) and 2 <= len(set(one)) <= 50
    ]


def having(examples: Examples, **changed: Any) -> Examples:
    """The examples with other columns."""
    return dataclasses.replace(examples, columns={**examples.columns, **changed}, facts=dict(examples.facts))


def with_rows(examples: Examples, rows: np.ndarray) -> tuple[Examples, list[int]]:
    """The examples with copies of some rows at the end, and the numbers of these."""
    count = len(examples)
    columns = {name: _joined(as_column(one), take(as_column(one), rows)) for name, one in examples.columns.items()}
    return dataclasses.replace(examples, columns=columns, given={}), list(range(count, count + len(rows)))


def _joined(one: Column, two: Column) -> Column:
    if isinstance(one, np.ndarray):
        return np.concatenate([one, two])
    return [*one, *two]


def chosen(examples: Examples, share: float, draw: np.random.Generator) -> np.ndarray:
    """A share of the rows, at least five."""
    return draw.choice(len(examples), max(5, round(share * len(examples))), replace=False)


def put(column: Column, rows: np.ndarray, values: Sequence[Any]) -> list[Any]:
    """The column as a list with other values in some rows; whole numbers and gaps as a reader would give them."""
    found = [
        None if isinstance(one, float) and one != one else one
        for one in (column.tolist() if isinstance(column, np.ndarray) else list(column))
    ]
    for row, value in zip(rows.tolist(), values, strict=True):
        found[row] = value
    return found


def halves(examples: Examples, draw: np.random.Generator) -> Examples:
    """With a given split at random: seven tenths train, three test."""
    order = draw.permutation(len(examples))
    cut = round(0.7 * len(examples))
    return dataclasses.replace(
        examples, given={"train": torch.from_numpy(np.sort(order[:cut])), "test": torch.from_numpy(np.sort(order[cut:]))}
    )


def copies(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    return Planted(*with_rows(examples, chosen(examples, share, draw)))


def copies_across(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    split = halves(examples, draw)
    rows = draw.choice(split.given["train"].numpy(), max(5, round(share * len(examples))), replace=False)
    made, numbers = with_rows(split, rows)
    made.given = {"train": split.given["train"], "test": torch.cat([split.given["test"], torch.tensor(numbers)])}
    return Planted(made, numbers)


def rounded(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    names, rows = numbers_of(examples), np.arange(len(examples))
    table = np.stack([examples.columns[name] for name in names], axis=1) if names else np.zeros((len(rows), 0))
    size = np.floor(np.log10(np.maximum(np.abs(table), 1e-300)))
    unit = 10.0 ** (size - 2)
    short = np.where(table == 0, 0, np.round(table / unit) * unit)
    keep = ~np.isclose(short, table, rtol=1e-12, atol=0, equal_nan=True).all(axis=1) if names else np.zeros(len(rows), bool)
    count = max(5, round(share * len(rows)))
    if keep.sum() < count:
        return None
    taken = draw.choice(rows[keep], count, replace=False)
    made, numbers = with_rows(examples, taken)
    for place, name in enumerate(names):
        made.columns[name][numbers] = [float(f"{value:.10g}") for value in short[taken, place]]
    return Planted(made, numbers)


def one_cell(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    names = inputs_of(examples)
    if len(names) < 4:
        return None
    made, numbers = with_rows(examples, chosen(examples, share, draw))
    for row in numbers:
        for _ in range(20):
            name, other = names[draw.integers(len(names))], int(draw.integers(len(examples)))
            if made.columns[name][other] != made.columns[name][row]:
                made.columns[name][row] = made.columns[name][other]
                break
    return Planted(made, numbers)


def conflicts(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    target = target_of(examples)
    if target is None or (isinstance(examples.columns[target], np.ndarray) and len(np.unique(examples.columns[target])) > 20):
        return None
    if len(set(map(str, examples.columns[target]))) < 2:
        return None
    made, numbers = with_rows(examples, chosen(examples, share, draw))
    labels = [str(one) for one in made.columns[target]]
    for row in numbers:
        labels[row] = draw.choice([one for one in sorted(set(labels)) if one != labels[row]])
    made.columns[target] = labels
    return Planted(made, numbers)


def disguised(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    target = examples.columns[str(target_of(examples))]
    if isinstance(target, np.ndarray) and len(np.unique(target)) > 20:
        return Planted(having(examples, planted=3.5 - 2.0 * np.cbrt(target)), field="planted")
    words = {one: f"code {i}" for i, one in enumerate(draw.permutation(sorted(set(map(str, target)))))}
    return Planted(having(examples, planted=[words[str(one)] for one in target]), field="planted")


def nearly_disguised(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    target = examples.columns[str(target_of(examples))]
    if isinstance(target, np.ndarray) and len(np.unique(target)) > 20:
        return Planted(
            having(examples, planted=target + np.sqrt(share) * target.std() * draw.normal(size=len(target))), field="planted"
        )
    words = np.asarray(list(map(str, target)))
    rows = draw.random(len(words)) < share
    words[rows] = draw.choice(words, rows.sum())
    return Planted(having(examples, planted=[f"is {one}" for one in words]), field="planted")


def predictive_id(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    target = examples.columns[str(target_of(examples))]
    code = np.unique(
        np.asarray(target) if isinstance(target, np.ndarray) else np.asarray(list(map(str, target))), return_inverse=True
    )[1]
    order = np.argsort(code / max(code.max(), 1) + 0.5 * draw.normal(size=len(code)))
    number = np.empty(len(order))
    number[order] = np.arange(len(order)) + 1000
    return Planted(having(examples, record_id=number), field="record_id")


def future(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    count = len(examples)
    days = np.datetime64("2019-01-01") + np.sort(draw.integers(0, 1500, count)).astype("timedelta64[D]")
    cut = round(0.7 * count)
    late = np.sort(draw.choice(np.arange(cut, count - count // 20), max(5, round(share * count)), replace=False))
    train = np.concatenate([np.arange(cut), late])
    test = np.setdiff1d(np.arange(cut, count), late)
    made = having(examples, visited=[str(day) for day in days])
    made.given = {"train": torch.from_numpy(train), "test": torch.from_numpy(test)}
    return Planted(made, late.tolist())


def grouped(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    made = having(
        halves(examples, draw), patient_id=[f"P{one:05d}" for one in draw.integers(0, len(examples) // 4, len(examples))]
    )
    return Planted(made, field="patient_id")


def wrong_labels(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    target = target_of(examples)
    if target is None or isinstance(examples.columns[target], np.ndarray) or len(examples) < 500:
        return None
    labels = [str(one) for one in examples.columns[target]]
    if len(set(labels)) < 2:
        return None
    rows = chosen(examples, share, draw)
    other = [draw.choice([one for one in sorted(set(labels)) if one != labels[row]]) for row in rows.tolist()]
    return Planted(having(examples, **{target: put(labels, rows, other)}), rows.tolist())


def constant(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    return Planted(having(examples, planted=["yes"] * len(examples)), field="planted")


def mostly_missing(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    there = draw.random(len(examples)) < 0.2
    return Planted(having(examples, planted=np.where(there, draw.normal(size=len(there)), np.nan)), field="planted")


def _number(examples: Examples, draw: np.random.Generator, least: int = 20) -> str | None:
    names = numbers_of(examples, least=least)
    return names[draw.integers(len(names))] if names else None


def mixed(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    name = _number(examples, draw)
    if name is None:
        return None
    rows = chosen(examples, share, draw)
    words = draw.choice(["three", "12 kg", "see note", "> 100", "n.n."], len(rows)).tolist()
    return Planted(having(examples, **{name: put(examples.columns[name], rows, words)}), rows.tolist(), name)


def spellings(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    names = [*numbers_of(examples), *words_of(examples)]
    name = names[draw.integers(len(names))]
    rows = chosen(examples, share, draw)
    words = draw.choice(["NA", "n/a", "?", "-", "null", "None"], len(rows)).tolist()
    words[:2] = ["NA", "?"]
    return Planted(having(examples, **{name: put(examples.columns[name], rows, words)}), rows.tolist(), name)


def sentinels(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    name = _number(examples, draw)
    if name is None:
        return None
    rows = chosen(examples, share, draw)
    column = examples.columns[name].astype(float).copy()
    column[rows] = draw.choice([-999.0, -1.0, 9999.0, 99999.0]) if column[np.isfinite(column)].min() >= 0 else -9999.0
    return Planted(having(examples, **{name: column}), rows.tolist(), name)


def outliers(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    name = _number(examples, draw)
    if name is None:
        return None
    rows = chosen(examples, share, draw)
    column = examples.columns[name].astype(float).copy()
    low, middle, high = np.nanpercentile(column, [25, 50, 75])
    width = (high - low) or np.nanstd(column)
    column[rows] = middle + draw.uniform(10, 50, len(rows)) * width
    return Planted(having(examples, **{name: column}), rows.tolist(), name)


def unit(factors: Sequence[float]) -> Callable[[Examples, float, np.random.Generator], Planted | None]:
    def spoil(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
        names = [name for name in numbers_of(examples, least=30) if np.nanmin(examples.columns[name]) > 0]
        if not names:
            return None
        name = names[draw.integers(len(names))]
        rows = chosen(examples, share, draw)
        column = examples.columns[name].astype(float).copy()
        column[rows] *= draw.choice(factors)
        return Planted(having(examples, **{name: column}), rows.tolist(), name)

    return spoil


def class_gone(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    target = target_of(examples)
    if target is None or isinstance(examples.columns[target], np.ndarray):
        return None
    if len(set(map(str, examples.columns[target]))) < 2:
        return None
    made = halves(examples, draw)
    labels = np.asarray([str(one) for one in examples.columns[target]])
    gone = draw.choice(np.unique(labels))
    made.given["test"] = made.given["test"][torch.from_numpy(labels[made.given["test"].numpy()] != gone)]
    return Planted(made, field=target) if len(made.given["test"]) > 20 else None


def uneven(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    target = target_of(examples)
    if target is None or isinstance(examples.columns[target], np.ndarray):
        return None
    if len(set(map(str, examples.columns[target]))) < 2:
        return None
    labels = np.asarray([str(one) for one in examples.columns[target]])
    found, counts = np.unique(labels, return_counts=True)
    rare = np.flatnonzero(labels == found[counts.argmin()])
    keep = np.sort(np.concatenate([np.flatnonzero(labels != found[counts.argmin()]), rare[: max(2, counts.max() // 15)]]))
    return Planted(
        dataclasses.replace(
            examples, columns={name: take(as_column(one), keep) for name, one in examples.columns.items()}, given={}
        ),
        field=target,
    )


def shifted(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    name = _number(examples, draw)
    if name is None:
        return None
    made = halves(examples, draw)
    column = made.columns[name].astype(float).copy()
    rows = made.given["test"].numpy()
    column[rows] += 0.5 * np.nanstd(column)
    return Planted(having(made, **{name: column}), field=name)


def chosen_by_odds(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    """The test part is drawn with odds that grow e-fold for each deviation of a column."""
    name = _number(examples, draw)
    if name is None:
        return None
    column = np.nan_to_num(examples.columns[name].astype(float))
    scaled = (column - column.mean()) / max(float(column.std()), 1e-12)
    test = draw.random(len(column)) < 1 / (1 + np.exp(-(scaled - 0.8)))
    given = {"train": torch.from_numpy(np.flatnonzero(~test)), "test": torch.from_numpy(np.flatnonzero(test))}
    return Planted(dataclasses.replace(examples, given=given), field=name) if min(test.sum(), (~test).sum()) > 20 else None


def new_words(examples: Examples, share: float, draw: np.random.Generator) -> Planted | None:
    names = words_of(examples)
    if not names:
        return None
    made, name = halves(examples, draw), names[draw.integers(len(names))]
    rows = draw.choice(made.given["test"].numpy(), max(5, round(share * len(examples))), replace=False)
    return Planted(having(made, **{name: put(made.columns[name], rows, ["Atlantis"] * len(rows))}), rows.tolist(), name)


def _timed(examples: Examples, draw: np.random.Generator) -> np.ndarray:
    return np.datetime64("2020-01-01T00:00") + np.cumsum(draw.integers(1, 90, len(examples))).astype("timedelta64[m]")


def unsorted(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    before, rows = _timed(examples, draw), chosen(examples, share, draw)
    times = before.copy()
    times[rows] = before[draw.permutation(rows)]
    moved = rows[times[rows] != before[rows]]
    return Planted(having(examples, measured=[str(one) for one in times]), moved.tolist(), "measured")


def twice(examples: Examples, share: float, draw: np.random.Generator) -> Planted:
    times = _timed(examples, draw)
    rows = np.setdiff1d(chosen(examples, share, draw), [0])
    times[rows] = times[rows - 1]
    return Planted(having(examples, measured=[str(one) for one in times]), rows.tolist(), "measured")


OVERLAPPING = frozenset(("sst", "mr", "titanic", "telco", "german", "default", "pima", "cifar", "ElectricDevices"))
"""Sets whose classes overlap, named before anything was planted here: a label that models contradict need not be wrong."""
NEAR, NEAR_CODES = ("rounded-rows", "edited-rows", "duplicates"), ("ROUNDED_ROWS", "EDITED_ROWS", "DUPLICATES")
"""A row that was rounded in one cell alone may as well be called one with that cell changed."""
EVERY = ("table", "photos", "texts", "series")
TABLES = {
    "exact duplicates": Plant(copies, ("duplicates",), ("DUPLICATES",), EVERY),
    "exact duplicates across a split": Plant(copies_across, ("duplicates",), ("DUPLICATES_ACROSS",), EVERY),
    "rows rounded to 3 digits": Plant(rounded, NEAR, NEAR_CODES, apart=True),
    "rows with one cell changed": Plant(one_cell, NEAR, NEAR_CODES, apart=True),
    "conflicting labels": Plant(conflicts, ("conflicting-labels",), ("LABELS_CONFLICT",), EVERY),
    "target in disguise": Plant(disguised, ("target-in-disguise",), ("TARGET_IN_DISGUISE",)),
    "gives it away, noise 2 %": Plant(nearly_disguised, ("gives-it-away",), ("GIVES_IT_AWAY",), shares=(0.02,)),
    "gives it away, noise 5 %": Plant(nearly_disguised, ("gives-it-away",), ("GIVES_IT_AWAY",), shares=(0.05,)),
    "id that predicts": Plant(predictive_id, ("predictive-ids",), ("ID_PREDICTS",)),
    "time leak": Plant(future, ("time-leak",), ("TIME_LEAK",)),
    "group leak": Plant(grouped, ("group-leak",), ("GROUPS_ACROSS",)),
    "label errors": Plant(
        wrong_labels, ("label-errors",), ("LABELS_WRONG",), EVERY, rows=2000, column=True, silent=OVERLAPPING
    ),
    "constant column": Plant(constant, ("constant-columns",), ("COLUMN_CONSTANT",)),
    "mostly missing": Plant(mostly_missing, ("constant-columns",), ("COLUMN_MOSTLY_MISSING",)),
    "mixed types": Plant(mixed, ("mixed-types",), ("TYPES_MIXED",)),
    "spellings of missing": Plant(spellings, ("missing-spellings",), ("MISSING_SPELLINGS",)),
    "sentinels": Plant(sentinels, ("sentinels",), ("SENTINEL",)),
    "outliers": Plant(outliers, ("outliers",), ("OUTLIERS",)),
    "unit change x 100, x 1000": Plant(unit((100.0, 1000.0)), ("unit-change",), ("UNIT_CHANGE",)),
    "unit change x 10": Plant(unit((10.0,)), ("unit-change",), ("UNIT_CHANGE",)),
    "unit change x 2.2 to 3.3": Plant(unit((2.2046, 2.54, 3.2808)), ("unit-change",), ("UNIT_CHANGE",)),
    "class missing from a split": Plant(class_gone, ("class-balance",), ("CLASS_MISSING",), EVERY),
    "class imbalance": Plant(uneven, ("class-balance",), ("CLASSES_UNEVEN",), EVERY),
    "shift of .5 sd": Plant(shifted, ("shift",), ("SHIFT",)),
    "test chosen with odds e per sd": Plant(chosen_by_odds, ("shift",), ("SHIFT",)),
    "new categories": Plant(new_words, ("new-categories",), ("CATEGORIES_NEW",)),
    "unsorted time": Plant(unsorted, ("time-order",), ("TIME_UNSORTED",)),
    "duplicated time": Plant(twice, ("time-order",), ("TIME_TWICE",)),
}
"""By name, what is planted in tables, and in all sets what every kind can have."""
