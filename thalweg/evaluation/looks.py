"""Looks: how often a test part has been read, by any run on this machine, so that an interval pays for the choice among them.

One file for each test part, named by the hash of its raw rows, holds a line for each look; the same answers are the same look.

Reference: Bonferroni's inequality; Dwork et al. 2015, doi:10.1126/science.aaa9375, on test parts that are read again and again.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from thalweg.core import files
from thalweg.core.errors import Refusal
from thalweg.data import catalogue
from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.fields.column import Column, take

DECIMALS = 5
"""Statistics of rows are compared to so many decimals: other threads may add in another order."""
ROWS = 1024
"""Raw rows that are looked at in one go."""


@dataclass(frozen=True)
class Looks:
    """The looks at one test part so far.

    Attributes:
        path: the file that holds them; None where there is no place for one.
        by: the run that looks now.
    """

    path: Path | None
    by: str

    @staticmethod
    def at(dataset: Dataset, part: str, *, by: str) -> "Looks":
        """The looks at a part of a dataset."""
        return Looks.of(part_digest(dataset, part), by=by)

    @staticmethod
    def of(key: str, *, by: str) -> "Looks":
        """The looks at examples with this hash."""
        try:
            return Looks(catalogue.cache("looks") / f"{key}.jsonl", by)
        except Refusal:
            return Looks(None, by)

    @property
    def before(self) -> list[dict[str, Any]]:
        """The lines that stand there, the first look first."""
        if self.path is None or not self.path.is_file():
            return []
        try:
            return files.read_lines(self.path, where=self.path.name)
        except (Refusal, OSError):
            return []

    def number(self, digest: str, *, own_too: bool = True) -> int:
        """Which look these answers are, from 1.

        Args:
            own_too: earlier looks of the same run count.
        """
        lines = [one for one in self.before if own_too or one.get("run") != self.by or one.get("digest") == digest]
        known = list(dict.fromkeys(one.get("digest") for one in lines))
        return known.index(digest) + 1 if digest in known else len(known) + 1

    def keep(self, digest: str, **facts: Any) -> dict[str, Any]:
        """Write a look down, unless the same answers stand there; returns its line.

        Args:
            facts: metric, value, word: JSON values.
        """
        line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "run": self.by, "digest": digest, **facts}
        if self.path is None or any(one.get("digest") == digest for one in self.before):
            return line
        try:
            os.makedirs(self.path.parent, exist_ok=True)
            files.append_line(self.path, line)
        except (Refusal, OSError):  # what cannot be counted must not end a run
            pass
        return line


def looked(number: int, *, widened: str = "the interval is") -> str:
    """What follows a sentence on a look that is not the first."""
    return "" if number < 2 else f" Look {number} at this test set: {widened} widened; only fresh data makes a first look."


def answers_digest(headline: str, rows: Sequence[Tensor]) -> str:
    """SHA-256 of what a metric read of the answers."""
    sha = hashlib.sha256(headline.encode())
    for one in rows:
        sha.update(np.round(one.numpy().astype(np.float64), DECIMALS).tobytes())
    return sha.hexdigest()


def part_digest(dataset: Dataset, part: str) -> str:
    """SHA-256 of the raw rows of a part, in the order of the data; of what is drawn, of its name."""
    sha = hashlib.sha256(f"{part}\n".encode())
    if not isinstance(dataset, StoredDataset):
        sha.update(repr(sorted(dataset.fingerprint().items(), key=str)).encode())
        return sha.hexdigest()
    rows = dataset.parts[part].sort().values
    for name, column in sorted(dataset.examples.columns.items()):
        sha.update(f"{name}\n".encode())
        for block in rows.split(ROWS):
            _add(sha, take(column, block))
    return sha.hexdigest()


def _add(sha: Any, column: Column) -> None:  # noqa: ANN401 - a hash
    if isinstance(column, np.ndarray) and column.dtype != object:
        sha.update(np.ascontiguousarray(column).tobytes())
        return
    for value in column:
        sha.update(value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode("utf-8", "backslashreplace"))
        sha.update(b"\0")
