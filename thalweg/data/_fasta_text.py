"""FASTA: sequences of letters, each below a line that begins with > and names it.

What headers tell beside names is taken for a label where it recurs: a part between bars or blanks, of few different values.

Reference: Pearson & Lipman 1988, doi:10.1073/pnas.85.8.2444.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from thalweg.core.errors import DataRefusal, some_of
from thalweg.data._paths import shown

MOST_LABELS, RECURS = 50, 3
"""Different labels that headers may tell, and rows that there must be for each on average."""
NOT_LETTERS = frozenset("0123456789<>{}|\\\"'`,:!?@#$%^&()[]/=~")


@dataclass
class Fasta:
    """The sequences of a file in order: what their headers say, their letters, and the line of each header from 1."""

    headers: list[str] = field(default_factory=list)
    sequences: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """What stands first in each header, where that tells sequences apart, else all of it."""
        first = [header.replace("|", " ").split()[0] if header else "" for header in self.headers]
        return first if len(set(first)) > 0.9 * len(first) else self.headers


def read_fasta(text: str, path: Path) -> Fasta:
    """The sequences of a FASTA file.

    Raises:
        DataRefusal: it does not begin with a header, a sequence holds what is no letter, or headers are without a sequence.
    """
    found, pieces = Fasta(), list[list[str]]()
    odd: list[tuple[int, str]] = []
    for number, line in enumerate(io.StringIO(text), 1):
        bare = line.strip()
        if bare.startswith(">"):
            found.headers.append(bare[1:].strip())
            found.lines.append(number)
            pieces.append([])
        elif bare and not bare.startswith(";"):
            if not pieces:
                raise _no_header(path, number, bare)
            if not NOT_LETTERS.isdisjoint(bare):
                odd.append((number, bare))
            pieces[-1].append(bare)
    if not pieces:
        raise _no_header(path, 1, text[:60])
    if odd:
        raise _bad(path, [line for line, _ in odd], f'no letters of a sequence: "{shown(odd[0][1][:40])}"')
    found.sequences = ["".join("".join(one).split()) for one in pieces]
    empty = [line for line, letters in zip(found.lines, found.sequences, strict=True) if not letters]
    if empty:
        raise _bad(path, empty, "a header without a sequence")
    return found


def labels_of(headers: Sequence[str]) -> list[str] | None:
    """What the headers tell of classes: their last part that recurs, between bars if all have them; None if none does."""
    parts = [_parts(header) for header in headers]
    shortest = min(map(len, parts))
    for place in range(1, shortest):  # from the end, so that names of several words do no harm
        values = [one[-place] for one in parts]
        distinct = len(set(values))
        if 2 <= distinct <= MOST_LABELS and distinct * RECURS <= len(values):
            return [value.partition("=")[2] or value for value in values]
    return None


def _parts(header: str) -> list[str]:
    return [part.strip() for part in header.split("|")] if "|" in header else header.split()


def _no_header(path: Path, line: int, text: str) -> DataRefusal:
    return DataRefusal(
        "DATA_FASTA",
        f'{shown(path.name)} does not begin with a header: "{shown(text[:40])}"',
        where=f"{shown(path)}:{line}",
        why="in FASTA a line that begins with > names the sequence below it",
        fix="write such lines, or give a table with a column of sequences",
    )


def _bad(path: Path, lines: Sequence[int], what: str) -> DataRefusal:
    listed = some_of(lines)
    return DataRefusal(
        "DATA_FASTA",
        f"{len(lines):,} line{'s of' if len(lines) > 1 else ' of'} {shown(path.name)}: {what}",
        where=f"{shown(path)}, line{'s' if len(lines) > 1 else ''} {listed}",
        why="what is no sequence teaches nothing",
        fix="mend or remove these lines",
        details={"lines": list(lines[:1000]), "count": len(lines)},
    )
