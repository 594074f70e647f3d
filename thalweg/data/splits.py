"""Splits: which rows train, validate, calibrate and test.

A split that came with the data is kept; what it lacks is cut from its training rows.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.core.printable import typed
from thalweg.data.dataset import PARTS, Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, coded, floats, missing, take
from thalweg.fields.inference import refuse_unknown_field


def split(examples: Examples, settings: DataSettings, *, seed: int, strata: Column | None = None) -> dict[str, Tensor]:
    """The row numbers of each part, sorted; together they are all rows that belong to any part.

    Rows are cut by time where `settings.time` names a field, else so that groups stay whole where `settings.group` does, else
    stratified, else at random; copies that the examples tell stay together in these two.

    Args:
        strata: (N,) the class of each row, in whose shares the parts are cut; None: there are no classes.

    Raises:
        DataRefusal: too few rows, groups or rows of a class to cut the parts.
        UsageRefusal: the group or time field is not there.
    """
    given = _given(examples)
    absent = [part for part in PARTS[1:] if part not in given]
    rows = given["train"].numpy()
    if not absent:
        return given
    fractions = settings.split.model_dump()
    shares = {part: fractions[part] for part in ("train", *absent)}
    if len(rows) < len(shares):
        raise _too_few(examples, len(rows), len(shares))
    cut = _cut(rows, shares, examples, settings, seed=seed, strata=strata)
    parts = given | {part: torch.from_numpy(np.sort(chosen)) for part, chosen in cut.items()}
    return {part: parts[part] for part in PARTS}


def folds(examples: Examples, settings: DataSettings, count: int, *, seed: int, strata: Column | None = None) -> list[Tensor]:
    """The row numbers of each of `count` folds, sorted; each row of any part stands in one of them.

    They are cut as parts are: so that groups stay whole, else stratified, else at random; copies stay together.
    """
    rows = torch.cat(list(examples.given.values())).unique().numpy()
    shares = {str(number): 1 / count for number in range(count)}
    cut = _cut(rows, shares, examples, settings, seed=seed, strata=strata, largest_first=False)
    return [torch.from_numpy(np.sort(chosen)) for chosen in cut.values()]


def _given(examples: Examples) -> dict[str, Tensor]:
    """The parts that came with the data; train holds the rows of no part where it did not come itself."""
    given = {part: rows.to(torch.int64) for part, rows in examples.given.items()}
    if "train" not in given:
        free = torch.ones(len(examples), dtype=torch.bool)
        for rows in given.values():
            free[rows] = False
        given["train"] = free.nonzero().flatten()
    return given


def _cut(
    rows: np.ndarray,
    shares: Mapping[str, float],
    examples: Examples,
    settings: DataSettings,
    *,
    seed: int,
    strata: Column | None,
    largest_first: bool = True,
) -> dict[str, np.ndarray]:
    generator = Position(seed).generator("split", by="run")
    if settings.time is not None:
        order = np.argsort(_times(take(_field(examples, settings.time, "--time"), rows), settings.time), kind="stable")
        return _chunks(rows[order], shares)
    if settings.group is not None:
        groups = coded(take(_field(examples, settings.group, "--group"), rows))[1]
        return _by_group(rows, groups, shares, generator, settings.group, largest_first=largest_first)
    classes = None
    if strata is not None and settings.stratified:
        names, classes = coded(take(strata, rows))
        _refuse_singles(names, classes)
    if examples.together is None:
        return _chunks(rows[_order(len(rows), classes, generator)], shares)
    return _with_copies(rows, examples.together[rows], classes, shares, generator)


def _order(count: int, classes: np.ndarray | None, generator: torch.Generator) -> np.ndarray:
    """An order drawn at random, in which any stretch holds each class in its share where there are classes."""
    return torch.randperm(count, generator=generator).numpy() if classes is None else _spread(classes, generator)


def _with_copies(
    rows: np.ndarray, together: np.ndarray, classes: np.ndarray | None, shares: Mapping[str, float], generator: torch.Generator
) -> dict[str, np.ndarray]:
    """The first row of each group of copies is cut as all rows would be; the others follow it."""
    _, first, group = np.unique(together, return_index=True, return_inverse=True)
    if len(first) < len(shares):
        return _chunks(rows[_order(len(rows), classes, generator)], shares)
    order = _order(len(first), None if classes is None else classes[first], generator)
    cut = _chunks(order, shares)
    return {part: rows[np.isin(group.reshape(-1), chosen)] for part, chosen in cut.items()}


def _refuse_singles(names: list[object], classes: np.ndarray) -> None:
    """Raise a DataRefusal where classes have a single row."""
    alone = np.flatnonzero(np.bincount(classes[classes >= 0], minlength=len(names)) == 1).tolist()
    if alone:
        shown = ", ".join(f'"{names[i]}"' for i in alone[:5]) + (f" and {len(alone) - 5:,} more" if len(alone) > 5 else "")
        raise DataRefusal(
            "DATA_CLASS_OF_ONE",
            f"{len(alone):,} class{'' if len(alone) == 1 else 'es'} of {len(names):,} have one row only: {shown}",
            where="target",
            why="such a class cannot stand in the training part and in another, so it is either not learned or not judged",
            fix="merge it with another class, leave its row out, or cut without regard to classes: --set data.stratified=false",
            details={"classes": [str(names[i]) for i in alone[:1000]]},
        )


def _field(examples: Examples, name: str, option: str) -> Column:
    refuse_unknown_field(name, list(examples.columns), where=option)
    return examples.columns[name]


def _times(column: Column, name: str) -> np.ndarray:
    """What the rows are ordered by: numbers and dates as they are, text by its characters (ISO dates sort so)."""
    gone = np.flatnonzero(missing(column))
    if len(gone):
        raise DataRefusal(
            "DATA_TIME_MISSING",
            f'{len(gone):,} rows have no time in "{name}"',
            where="rows " + ", ".join(str(row) for row in gone[:5].tolist()),
            why="they belong neither to the past nor to the future",
            fix="fill them in or leave these rows out",
        )
    try:
        return floats(column)
    except (TypeError, ValueError):
        return coded([str(value) for value in column])[1]


def _spread(classes: np.ndarray, generator: torch.Generator) -> np.ndarray:
    """An order of all rows in which any stretch holds each class in its share.

    The i-th of a class's n rows (shuffled) is placed at (i + u)/n, one u drawn for each class: rounding favours no part.
    """
    shuffled = torch.randperm(len(classes), generator=generator).numpy()
    shift = torch.rand(int(classes.max()) + 2, generator=generator, dtype=torch.float64).numpy()  # the last: no class
    keys = np.empty(len(classes))
    for one in np.unique(classes):
        members = shuffled[classes[shuffled] == one]
        keys[members] = (np.arange(len(members)) + shift[one]) / len(members)
    return shuffled[np.argsort(keys[shuffled], kind="stable")]


def _chunks(order: np.ndarray, shares: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Consecutive stretches of the order, in the parts' shares, none of them empty."""
    edges = [0, *np.cumsum(_sizes(len(order), list(shares.values()))).tolist()]
    return {part: order[edges[i] : edges[i + 1]] for i, part in enumerate(shares)}


def _sizes(count: int, shares: Sequence[float]) -> list[int]:
    """Whole sizes in proportion to the shares, summing to count, each at least 1; the largest remainders are rounded up."""
    free = count - len(shares)
    exact = np.asarray(shares) / sum(shares) * count
    sizes = np.maximum(np.floor(exact), 1).astype(int)
    assert free >= 0, "fewer rows than parts"
    order = np.argsort(sizes - exact, kind="stable")
    for i in range(count - int(sizes.sum())):
        sizes[order[i % len(order)]] += 1
    while sizes.sum() > count:
        sizes[int(sizes.argmax())] -= 1
    return [int(size) for size in sizes]


def _by_group(
    rows: np.ndarray,
    groups: np.ndarray,
    shares: Mapping[str, float],
    generator: torch.Generator,
    name: str,
    *,
    largest_first: bool,
) -> dict[str, np.ndarray]:
    """Whole groups, shuffled or the largest first, each to the part that lacks most; rows of no group stand alone."""
    alone = groups < 0
    groups = np.where(alone, groups.max() + 1 + np.cumsum(alone), groups)
    found, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
    if len(found) < len(shares):
        raise DataRefusal(
            "DATA_FEW_GROUPS",
            f'"{name}" has {len(found)} group{"" if len(found) == 1 else "s"}, {len(shares)} parts need one each',
            where=typed("group", name),
            why="a group must not stand in two parts",
            fix="name a field with more groups, or leave --group out",
        )
    shuffled = torch.randperm(len(found), generator=generator).numpy()
    order = shuffled[np.argsort(-counts[shuffled], kind="stable")] if largest_first else shuffled
    lack = np.asarray(list(shares.values())) / sum(shares.values()) * len(rows)
    members: list[list[int]] = [[] for _ in shares]
    for place, group in enumerate(order.tolist()):
        empty = [i for i, one in enumerate(members) if not one]
        must = len(order) - place <= len(empty)
        chosen = empty[0] if must else int(lack.argmax())
        members[chosen].append(group)
        lack[chosen] -= counts[group]
    return {part: rows[np.isin(index, one)] for part, one in zip(shares, members, strict=True)}


def _too_few(examples: Examples, rows: int, needed: int) -> DataRefusal:
    return DataRefusal(
        "DATA_TOO_FEW_ROWS",
        f"{rows} row{'' if rows == 1 else 's'} cannot be cut into {needed} parts",
        where=examples.name,
        why=f"each of {', '.join(PARTS)} needs at least one row",
        fix=f"give {needed - rows} more row{'' if needed - rows == 1 else 's'} at least; a hundred and more tell something",
    )
