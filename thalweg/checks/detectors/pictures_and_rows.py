"""Tables that name pictures: names under which none lies, and pictures that no row names."""

from collections.abc import Iterable
from pathlib import Path

from thalweg.checks.finding import Finding, counted, option, verb
from thalweg.checks.pictures import path_of
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core.registry import detector
from thalweg.fields.pictures import SUFFIXES

SHOWN = 3
MOST_FILES = 100_000
"""Files of a folder that are looked at."""


@detector("pictures-and-rows", turn=1)
def pictures_and_rows(subject: Subject) -> list[Finding]:
    """What the table says of pictures that are not there, and what lies there that it says nothing of."""
    return [
        finding
        for one in (field.written for field in subject.fields.values())
        if one.role != "target"
        for finding in (_unnamed(one) if _paths(one) else _nowhere(one))
    ]


def _paths(one: Seen) -> list[Path]:
    if not isinstance(one.column, list) or not any(issubclass(sort, Path) for sort in set(map(type, one.column))):
        return []
    return [value for value in one.column if isinstance(value, Path)]


def _nowhere(one: Seen) -> list[Finding]:
    """A column of names of pictures, none of which was found beside the table, so that it is read as words."""
    names = _names(one)
    if not names:
        return []
    what = f'"{one.name}" names pictures, but none of the {len(names):,} is there ({_listed(names)})'
    fix = f"move the table to where its pictures are named from, correct the paths, or {option('--ignore', one.name)}"
    return [
        Finding("warn", "PICTURES_NOT_THERE", what, "it is read as words, which say little of a picture.", fix, (), one.name)
    ]


def _names(one: Seen) -> list[str]:
    """The words of a column that holds nothing but names of pictures, which may also lie opened, as arrays."""
    found = []
    for value in one.column if isinstance(one.column, list) else ():
        if value is None or (isinstance(value, str) and not value):
            continue
        if not isinstance(value, str) or not value.strip().casefold().endswith(SUFFIXES):
            return []
        found.append(value)
    return found


def _unnamed(one: Seen) -> list[Finding]:
    """Pictures beside those that a table names, which no row names."""
    named = dict.fromkeys(path for value in one.column if (path := path_of(value)) is not None)
    folders = list(dict.fromkeys(path.parent for path in named))
    extra = sorted(str(path) for folder in folders for path in _pictures_in(folder) if path not in named)
    if not extra:
        return []
    where = ", ".join(str(folder) for folder in folders[:SHOWN])
    what = f'{counted(len(extra), "picture")} in {where} {verb(len(extra), "is", "are")} named in no row of "{one.name}"'
    shown = _listed(Path(path).name for path in extra)
    return [Finding("note", "PICTURES_UNNAMED", f"{what} ({shown})", "nothing is learned from them.", field=one.name)]


def _pictures_in(folder: Path) -> list[Path]:
    try:
        return [path for path, _ in zip(folder.iterdir(), range(MOST_FILES), strict=False) if _is_picture(path)]
    except OSError:
        return []


def _is_picture(path: Path) -> bool:
    return path.name.casefold().endswith(SUFFIXES) and not path.name.startswith(".")


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:SHOWN]) + (", ..." if len(every) > SHOWN else "")
