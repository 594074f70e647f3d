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
HASH = re.compile(r"(?=.*\d)[\w-]{8,}")
"""What hashes, UUIDs and random codes look like."""
DISTINCT = 0.98


def is_identifier(seen: Seen) -> bool:
    """Nearly every row has a value of its own: whole numbers that fill their range, codes of one shape, or so named."""
    if not seen.plain or len(seen) < 20 or seen.distinct < DISTINCT * (~seen.missing).sum() or seen.distinct < 20:
        return False
    if seen.numeric:
        there = seen.numbers[np.isfinite(seen.numbers)]
        dense = seen.whole and there.max() - there.min() <= 2 * len(seen)
        return bool(dense or (seen.whole and names_rows(seen.name)))
    shapes = {DIGITS.sub("9", level) for level in seen.levels[:200]}
    one_shape = len(shapes) <= 2 and all("9" in shape and " " not in shape for shape in shapes)
    return one_shape or _hashes(seen.levels[:200]) or names_rows(seen.name)


def _hashes(codes: list[str]) -> bool:
    """Codes of one length, digits among the signs of nearly all."""
    return len({len(code) for code in codes}) == 1 and sum(HASH.fullmatch(code) is not None for code in codes) >= 0.9 * len(
        codes
    )


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
    if not seen.plain or seen.distinct < 10 or not GROUPS.search(seen.name.strip()):
        return False
    repeated = seen.counts[seen.counts > 1].sum()
    return bool(repeated >= 0.3 * len(seen)) and seen.distinct >= len(seen) / 200
