"""Columns that name their rows: ids, codes, row numbers; and columns that name what several rows have in common."""

import re

import numpy as np

from thalweg.checks.seen import Seen

NAMED = re.compile(
    r"(^|[\s_.-])(id|ids|uuid|guid|key|index|idx|rowid|row|instant|unnamed: ?\d+)$|[\s_.-](nr|no|number)$", re.IGNORECASE
)
CAMEL = re.compile(r"[a-z](ID|Id|Key)$")
GROUPS = re.compile(
    r"(^|[\s_.-])(patient|subject|user|customer|client|person|member|household|family|ticket|session|speaker|author|writer"
    r"|participant|account|device|machine|vehicle|animal|donor|case|visit|order|site|hospital|school|group|cluster|batch|recording)"
    r"([\s_.-]?(id|ids|no|nr|number|name|code|key))?$",
    re.IGNORECASE,
)
DIGITS = re.compile(r"\d+")
DISTINCT = 0.98


def is_identifier(seen: Seen) -> bool:
    """Nearly every row has a value of its own: whole numbers that fill their range, codes of one shape, or so named."""
    if not seen.plain or len(seen) < 20 or len(seen.levels) < DISTINCT * (~seen.missing).sum() or len(seen.levels) < 20:
        return False
    if seen.numeric:
        there = seen.numbers[np.isfinite(seen.numbers)]
        dense = seen.whole and there.max() - there.min() <= 2 * len(seen)
        return bool(dense or (seen.whole and names_rows(seen.name)))
    shapes = {DIGITS.sub("9", level) for level in seen.levels[:200]}
    one_shape = len(shapes) <= 2 and all("9" in shape and " " not in shape for shape in shapes)
    return one_shape or names_rows(seen.name)


def names_rows(name: str) -> bool:
    """The name says that the column names rows."""
    words = name.strip()
    return CAMEL.search(words) is not None or NAMED.search(words) is not None


def order_of(seen: Seen) -> np.ndarray:
    """(N,) float64: the number that an id is, or that stands in it; NaN where there is none."""
    if seen.numeric:
        return seen.numbers
    found = [DIGITS.findall(str(value)) for value in seen.values]
    longest = np.asarray([float(max(one, key=len)[:15]) if one else np.nan for one in found])
    return longest[seen.index]


def names_groups(seen: Seen) -> bool:
    """The name says that rows with one value belong together, and a good part of the rows do."""
    if not seen.plain or len(seen.levels) < 10 or not GROUPS.search(seen.name.strip()):
        return False
    repeated = seen.counts[seen.counts > 1].sum()
    return bool(repeated >= 0.3 * len(seen)) and len(seen.levels) >= len(seen) / 200
