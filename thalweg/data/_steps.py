"""What wide and long tables share: the kind that steps make, numbers out of text, and rows without gaps."""

from collections.abc import Mapping, Sequence

import numpy as np

from thalweg.core import registry
from thalweg.data._spelled import spelled
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column


def step_kind() -> str:
    """The kind whose values are made of steps."""
    return next(name for name in registry.names("kind") if registry.facts("kind", name).get("of_steps"))


def means_steps(word: str | None) -> bool:
    """Whether what the user says of a field is the kind that is made of steps."""
    return word in registry.parts("kind") and bool(registry.facts("kind", str(word)).get("of_steps"))


def told(settings: DataSettings) -> set[str]:
    """Fields of which the user says anything but that they are steps."""
    named = {name for name, word in settings.fields.items() if not means_steps(word)}
    return named | {*settings.ignore} | {one for one in (settings.target, settings.group, settings.time) if one is not None}


def meant(columns: Mapping[str, Column], settings: DataSettings) -> dict[str, Column]:
    """The columns with text as what it means."""
    plain = settings.model_copy(update={"fields": {}, "ignore": ()})
    return spelled(Examples("steps", dict(columns)), plain)[0].columns


def numbers(column: Column) -> np.ndarray | None:
    """(N,) float64 where the column holds numbers (truth values are none), NaN for gaps; None where it does not."""
    if isinstance(column, np.ndarray):
        return column.astype(np.float64) if column.ndim == 1 and column.dtype.kind in "iuf" else None
    if all(one is None or (isinstance(one, int | float) and not isinstance(one, bool)) for one in column):
        return np.asarray([np.nan if one is None else one for one in column], dtype=np.float64)
    return None


def one_column(rows: Sequence[np.ndarray]) -> Column:
    """Series (T,) or (T, C) as one array where all are as long, else as a list."""
    alike = len({row.shape for row in rows}) == 1
    return np.stack(rows) if alike else list(rows)


def without_gaps(row: np.ndarray) -> np.ndarray:
    """A series (T, C) with straight lines over its gaps and its ends held; a channel without any value stays as it is."""
    if not np.isnan(row).any():
        return row
    steps, answer = np.arange(len(row)), row.copy()
    for index, channel in enumerate(row.T):
        there = ~np.isnan(channel)
        if there.any():
            answer[:, index] = np.interp(steps, steps[there], channel[there])
    return answer


def said_steps(rows: Sequence[np.ndarray]) -> str:
    """How long series are, in words."""
    least, most = min(map(len, rows)), max(map(len, rows))
    return f"{least:,} steps" if least == most else f"{least:,} to {most:,} steps"


def shipped(facts: Mapping[str, object], fields: Mapping[str, str]) -> dict[str, object]:
    """Facts with what a model must be told of such data, to read others alike."""
    before = facts.get("reading", {})
    assert isinstance(before, Mapping)
    return {**facts, "reading": {**before, **fields}}
