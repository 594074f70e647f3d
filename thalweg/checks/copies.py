"""Copies: the hashes of all rows, and findings made of pairs of rows that are copies of each other."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from thalweg.checks.finding import Finding, Severity, counted, shown_pairs, shown_rows, verb
from thalweg.checks.hashing import groups_of, salted
from thalweg.checks.identity import is_identifier
from thalweg.checks.levels import hash_of_levels
from thalweg.checks.seen import Seen
from thalweg.checks.subject import TRAIN, Subject
from thalweg.core import registry
from thalweg.data.dataset import PARTS


class Hashed(NamedTuple):
    """Every input's hashes by name, ids left out, and their sum for each row."""

    by_field: dict[str, np.ndarray]
    whole: np.ndarray


@dataclass(frozen=True)
class Copy:
    """What sort of copies pairs are.

    Attributes:
        code: the finding's code within one part; `_ACROSS` is added where parts share them.
        called: what a row is of another ("a copy", "a rounded copy").
        plural: the same of several.
        least: share of the rows below which they are no finding within a part.
        acted: rows of a pair stay in one part.
    """

    code: str
    called: str
    plural: str
    least: float = 0.0
    acted: bool = True


def hashed(subject: Subject) -> Hashed | None:
    """The hashes of all inputs; None where there are none, or values of some kind cannot be compared."""
    found: Hashed | None = subject.once("hashes", lambda: _hashed(subject))
    return found


def _hashed(subject: Subject) -> Hashed | None:
    known = registry.names("sameness")
    inputs = compared(subject)
    if not any(one.role == "input" for one in inputs) or any(one.kind not in (*known, None) for one in inputs):
        return None
    by_field = {one.name: hashes_of(one) for one in inputs}
    whole: np.ndarray = np.stack(list(by_field.values())).sum(axis=0, dtype=np.uint64)
    return Hashed(by_field, whole)


def compared(subject: Subject) -> list[Seen]:
    """The columns by which rows are compared: the inputs, and plain ones that were left out; but no ids."""
    left_out = [one for one in subject.fields.values() if one.role == "id" and one.plain]
    return [one for one in [*subject.inputs, *left_out] if not is_identifier(one)]


def hashes_of(seen: Seen) -> np.ndarray:
    """(N,) uint64: equal where the values are the same; of a column that was left out, where it is written the same."""
    same = hash_of_levels if seen.kind is None else registry.load("sameness", seen.kind)
    return salted(same(seen), seen.name)


def pairs_of_groups(hashes: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(P, 2) the first row of each group of equal hashes (of the training part where it has one), and each other row of it."""
    order = np.argsort(np.where(part < 0, len(PARTS), part), kind="stable")
    first, counts = groups_of(hashes[order])
    twice = (counts > 1) & (first != np.arange(len(order)))
    return np.stack([order[first[twice]], order[twice]], axis=1)


def copy_findings(subject: Subject, pairs: np.ndarray, copy: Copy, remark: str = "") -> list[Finding]:
    """One finding for pairs that lie in two parts of a given split, and one for the others.

    Args:
        remark: what else is to be said of them.
    """
    if not len(pairs):
        return []
    part = subject.part[pairs]
    apart = (part[:, 0] != part[:, 1]) & (part >= 0).all(axis=1)
    found = [_across(subject, pairs[apart], copy)] if apart.any() else []
    inner = pairs[~apart]
    if subject.old:
        inner = inner[(subject.part[inner] != TRAIN).all(axis=1)]
    rows = np.unique(inner[:, 1])
    if len(rows) and len(rows) >= copy.least * len(subject):
        found.append(_within(subject, inner, copy, remark))
    return found


def _across(subject: Subject, pairs: np.ndarray, copy: Copy) -> Finding:
    sides = np.where(subject.part[pairs[:, 0]] <= subject.part[pairs[:, 1]], 0, 1)
    judged = pairs[np.arange(len(pairs)), 1 - sides]
    trained = pairs[np.arange(len(pairs)), sides]
    rows = np.unique(judged)
    words = "new" if subject.old else "/".join(dict.fromkeys(PARTS[number] for number in subject.part[rows].tolist()))
    are = f"{verb(len(rows), 'is', 'are')} {verb(len(rows), copy.called, copy.plural)}"
    what = f"{counted(len(rows), f'{words} row')} {are}"
    told = shown_rows(rows) if subject.old else shown_pairs(np.stack([judged, trained], axis=1))
    return Finding(
        "warn",
        f"{copy.code}_ACROSS",
        f"{what} of {verb(len(rows), 'a row', 'rows')} in {PARTS[int(subject.part[trained].min())]} ({told})",
        "the score would flatter: what was learned by heart counts as understood.",
        "leave them out of one side; a given split is never changed",
        rows.tolist(),
        pairs=pairs,
        concern="leak",
    )


def _within(subject: Subject, pairs: np.ndarray, copy: Copy, remark: str) -> Finding:
    rows = np.unique(pairs[:, 1])
    stays = copy.acted and not remark and not subject.split
    why = remark or ("kept in one part, so that none of them is judged by its copy." if stays else "they count more than once.")
    severity: Severity = "note"
    are = f"{verb(len(rows), 'is', 'are')} {verb(len(rows), copy.called, copy.plural)}"
    what = f"{counted(len(rows), 'row')} {are} of {verb(len(rows), 'another row', 'other rows')} ({shown_pairs(pairs)})"
    fix = "--keep-duplicates to disagree" if stays else ""
    return Finding(severity, copy.code, what, why, fix, rows.tolist(), pairs=pairs if copy.acted and not remark else None)
