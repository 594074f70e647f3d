"""Files that cannot be read, and files whose name says another format than their content."""

from pathlib import Path

from thalweg.checks.finding import Finding, counted, shown_rows, verb
from thalweg.checks.pictures import path_of, pictures_of
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector

MOST_BROKEN = 0.2
SIGNATURES = {
    b"\x89PNG": (".png",),
    b"\xff\xd8\xff": (".jpg", ".jpeg", ".jpe", ".jfif"),
    b"GIF8": (".gif",),
    b"BM": (".bmp",),
    b"II*\x00": (".tif", ".tiff"),
    b"MM\x00*": (".tif", ".tiff"),
    b"RIFF": (".webp",),
}


@detector("broken-files", turn=1)
def broken_files(subject: Subject) -> list[Finding]:
    """Pictures that cannot be decoded in full, and wrong extensions."""
    found = []
    for one in subject.of_kinds(("image",)):
        seen = pictures_of(subject, one)
        found += _broken(one, seen.broken, seen.asked) + _misnamed(one)
    return found


def _broken(one: Seen, broken: dict[int, str], asked: int) -> list[Finding]:
    if not broken:
        return []
    rows = list(broken)
    many = len(rows) > MOST_BROKEN * asked
    shown = "; ".join(f"{_file(one, row)}: {broken[row].rpartition(': ')[2]}" for row in rows[:3])
    what = f"{counted(len(rows), 'picture')} of {asked:,} cannot be read ({shown}{'; ...' if len(rows) > 3 else ''})"
    why = "a training refuses so many: what is left would teach something else." if many else "they are left out and counted."
    fix = "mend or remove them; --on-bad-file refuse stops at the first"
    return [Finding("warn", "FILES_BROKEN", what, why, fix, rows, one.name)]


def _file(one: Seen, row: int) -> str:
    path = path_of(one.column[row])
    return path.name if path is not None else f"row {row}"


def _misnamed(one: Seen) -> list[Finding]:
    rows = [row for row, value in enumerate(one.column) if (path := path_of(value)) is not None and _lies(path)]
    if not rows:
        return []
    names = ", ".join(_file(one, row) for row in rows[:3])
    contradicted = f"{verb(len(rows), 'has', 'have')} another extension than content"
    what = f"{counted(len(rows), 'file')} {contradicted}: {names} ({shown_rows(rows)})"
    why = "they are read by their content here; other programs may fail."
    return [Finding("warn", "FILES_MISNAMED", what, why, "rename them", rows, one.name)]


def _lies(path: Path) -> bool:
    """The file is a picture of another format than its extension says."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError:
        return False
    suffix = path.suffix.casefold()
    fitting = next((suffixes for sign, suffixes in SIGNATURES.items() if start.startswith(sign)), None)
    return fitting is not None and suffix != "" and suffix not in fitting
