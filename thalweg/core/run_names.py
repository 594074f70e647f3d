"""The names of runs that nobody named: `digits`, `digits-2`, ... in one folder."""

import re
from pathlib import Path


def base_of(name: str) -> str:
    """What runs of such data are called: signs that some system cannot hold become dashes."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-. ")[:80] or "run"


def numbered(base: str, number: int) -> str:
    """The name of the run of that number; the first has none."""
    return base if number == 1 else f"{base}-{number}"


def runs_of(name: str, root: Path) -> list[Path]:
    """The folders that are called so, the newest first."""
    base = base_of(name)
    found = [entry.name for entry in root.iterdir() if entry.is_dir()] if root.is_dir() else []
    numbers = [int(match[1] or 1) for one in found if (match := re.fullmatch(re.escape(base) + r"(?:-([1-9]\d{0,8}))?", one))]
    return [root / numbered(base, number) for number in sorted(set(numbers), reverse=True) if numbered(base, number) in found]
