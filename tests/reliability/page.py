"""Makes `docs/reliability.md` of what a whole run of the reliability tier kept.

`python -m tests.reliability.page FOLDER PAGE`, as `make test-reliability` does.
"""

import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from tests.reliability.figures import noted

HEAD = """# Reliability: what is promised, and what was tried

Made by `make test-reliability`; do not edit. "tried" is how many cases the last whole run tried, "held" in how many of them the
promise was kept; a case in which it is not kept fails the run. The last column says what the most trusted systems of the kind
show.
"""


def page(lines: Iterable[Mapping[str, Any]]) -> str:
    """The page: one row for each that was noted, cases added up, the worst figures of all kept."""
    rows: dict[tuple[int, int, str], dict[str, Any]] = {}
    for line in lines:
        row = line["row"]
        key = (int(re.sub(r"\D", "", row["promise"]) or 0), row["order"], row["what"])
        kept = rows.setdefault(key, {**row, "tried": 0, "held": 0, "worst": {}})
        kept["tried"] += line["tried"]
        kept["held"] += line["held"]
        for name, value in line["worst"].items():
            kept["worst"][name] = max(value, kept["worst"].get(name, value))
    table = ["| promise | what | tried | held | worst | elsewhere |", "|---|---|---|---|---|---|"]
    for key in sorted(rows):
        row = rows[key]
        worst = ", ".join(f"{value:.3g} {name.replace('_', ' ')}" for name, value in sorted(row["worst"].items()))
        table.append(f"| {row['promise']} | {row['what']} | {row['tried']:,} | {row['held']:,} | {worst} | {row['anchor']} |")
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([HEAD, *table, "", f"Machine of this run: {machine}, torch {torch.__version__}.", ""])


def main(folder: str, target: str) -> None:
    """Write the page."""
    Path(target).write_text(page(noted(Path(folder))), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
