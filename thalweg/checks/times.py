"""Columns that say when: dates, and numbers so named that run on."""

import re
from datetime import datetime

import numpy as np

from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject

NAMED = re.compile(
    r"(^|[\s_.-])(date|time|datetime|timestamp|ts|day|when|created|dteday)([\s_.-]?(at|utc|stamp))?$", re.IGNORECASE
)
WRITTEN = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}|^\d{1,4}[/.]\d{1,2}[/.]\d{1,4}")
FORMS = ("", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M")
"""How dates are written; the empty one stands for ISO 8601."""
VARIED, NUMBERS = 0.02, 0.5
"""Least share of distinct moments: of dates, and of plain numbers that may as well be days of a month."""


def time_columns(subject: Subject) -> list[tuple[Seen, np.ndarray]]:
    """Columns that say when each row was, with seconds or numbers (N,) that grow with time."""
    found = []
    for one in subject.fields.values():
        if one.role == "target" or not one.plain:
            continue
        moments = moments_of(one, stated=one.name == subject.settings.time)
        least = NUMBERS if one.numeric and not _is_date(one) else VARIED
        if moments is not None and len(np.unique(moments[np.isfinite(moments)])) >= max(10, least * len(subject)):
            found.append((one, moments))
    return found


def _is_date(one: Seen) -> bool:
    return isinstance(one.column, np.ndarray) and one.column.dtype.kind == "M"


def moments_of(one: Seen, *, stated: bool = False) -> np.ndarray | None:
    """(N,) float64 that grows with time, NaN where there is none; None where the column does not say when."""
    if _is_date(one):
        return one.numbers
    if one.numeric:
        return one.numbers if stated or NAMED.search(one.name.strip()) else None
    sample = [str(value) for value in one.values[:50] if value is not None]
    if not sample or sum(WRITTEN.match(text.strip()) is not None for text in sample) < 0.9 * len(sample):
        return None
    texts = [str(value).strip() for value in one.values]
    return _read(texts, one.index)


def _read(texts: list[str], index: np.ndarray) -> np.ndarray | None:
    """(N,) seconds, read in the one form that fits nearly all and runs on best; None where none fits."""
    read = [np.asarray([_seconds(text, form) for text in texts])[index] for form in FORMS]
    fitting = [moments for moments in read if np.isfinite(moments).mean() > 0.9]
    return min(fitting, key=_descents) if fitting else None


def _descents(moments: np.ndarray) -> float:
    there = moments[np.isfinite(moments)]
    return float((np.diff(there) < 0).mean()) if len(there) > 1 else 0.0


def _seconds(text: str, form: str) -> float:
    try:
        read = datetime.strptime(text, form) if form else datetime.fromisoformat(text).replace(tzinfo=None)
        return (read - datetime(1970, 1, 1)).total_seconds()
    except ValueError:
        return float("nan")
