"""Sizes and figures of the reliability tier: its tests run small in `make test` and whole in `make test-reliability`.

A test says what it tried and what held; with THALWEG_FIGURES naming a folder that is kept there, and `page.py` makes the table
in `docs/reliability.md` of it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WHOLE = os.environ.get("THALWEG_RELIABILITY") == "whole"
"""The tier is run as a whole: all kills, mutations and histories."""


def sized(small: int, whole: int) -> int:
    """How many cases are tried."""
    return whole if WHOLE else small


def shares(small: int, whole: int, *, each: int) -> list[range]:
    """The cases, by number, in shares of `each`: one test for each share, so that workers can divide them.

    A case draws from its own number, so that it can be repeated alone.
    """
    count = sized(small, whole)
    return [range(first, min(first + each, count)) for first in range(0, count, each)]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        promise: its number among the promises, such as R1.
        what: what is done, how often being told by the run: "SIGKILLs at random moments, of whole command lines".
        anchor: what the most trusted system of the kind shows, with its figure.
        order: rows of one promise stand in this order.
    """

    promise: str
    what: str
    anchor: str = ""
    order: int = 0

    def note(self, tried: int, held: int, **worst: float) -> None:
        """Keep what came of some cases.

        Args:
            worst: figures of which the largest of all cases counts, by name with its unit: `seconds=1.2`, `growth_mb=3.4`.
        """
        folder = os.environ.get("THALWEG_FIGURES")
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        line = json.dumps({"row": asdict(self), "tried": tried, "held": held, "worst": worst})
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def noted(folder: Path) -> Iterator[dict[str, Any]]:
    """All that was kept in a folder."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
