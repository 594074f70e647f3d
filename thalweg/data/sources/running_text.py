"""Plain text to be continued: a .txt file, or a folder of them, as one running text that is cut by place."""

from collections.abc import Mapping
from itertools import accumulate, pairwise
from pathlib import Path

from pydantic import Field

from thalweg.core.errors import DataRefusal, Refusal
from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._character_encoding import text_of
from thalweg.data._dialect import is_running_text
from thalweg.data._source import Asked
from thalweg.data._split_names import PART_NAMES
from thalweg.data._unpacked import blocks_of, stem_of
from thalweg.data.dataset import PARTS, Dataset, Examples
from thalweg.data.running_text import RunningText
from thalweg.data.settings import Fractions

SUFFIXES = (".txt", ".txt.gz", ".txt.bz2", ".txt.xz", ".txt.zst")
BY_PLACE = Fractions(train=0.84, validation=0.05, calibration=0.01, test=0.1)
"""Shares where the usual ones of tables are not changed: of a million characters fewer are needed to judge by."""
LOOK = 1 << 16
"""Bytes of each file that are looked at."""


class RunningTextSettings(Settings):
    """How a text is read."""

    context: int = Field(64, ge=2, le=1 << 16, description="characters of a window, from which each next one is told")


def recognises(path: Path) -> int:
    """Sure of a file of sentences; of a folder, if such files lie in it and nothing else that could be meant."""
    if not path.is_dir():
        return 60 if _is_prose(path) else 0
    files = _files(path)
    return 75 if files and all(map(_is_prose, files)) else 0


@source(
    "running-text",
    suffixes=(".txt", ".txt.gz", ".txt.bz2", ".txt.xz", ".txt.zst"),
    folder=True,
    task="language-modelling",
    settings=RunningTextSettings,
)
def running_text(asked: Asked[RunningTextSettings]) -> Dataset | Examples:
    """The text, its first part to learn from and its last to be judged by; where files are named after parts, these.

    Raises:
        DataRefusal: a file is no text, or the text is too short.
    """
    path: Path = asked.given
    if _is_meant_as_table(asked):
        from thalweg.data.sources.text_table import text_table

        return text_table(Asked(path, asked.data, Settings(), asked.told))
    files = _files(path) if path.is_dir() else [path]
    texts = {file: _text(file, asked) for file in files}
    named = {file: PART_NAMES.get(stem_of(file).casefold().rsplit(".", 1)[-1].rsplit("_", 1)[-1]) for file in files}
    name = path.resolve().name if path.is_dir() else stem_of(path)
    parts = _of_parts(texts, named) if "train" in named.values() else _cut("\n".join(texts.values()), asked)
    return RunningText(name, parts, asked.settings.context)


def _is_meant_as_table(asked: Asked[RunningTextSettings]) -> bool:
    """A file whose columns are spoken of."""
    data = asked.data
    return asked.given.is_file() and bool(data.target or data.fields or data.delimiter or data.header is not None)


def _files(folder: Path) -> list[Path]:
    """The texts in a folder but those that lie beside data, if nothing else lies in it."""
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    beside = [entry for entry in entries if entry.stem.casefold().split(".")[0] in ("readme", "license", "licence")]
    held = [entry for entry in entries if entry not in beside]
    return held if all(one.is_file() and one.name.casefold().endswith(SUFFIXES) for one in held) else []


def _is_prose(path: Path) -> bool:
    try:
        head = next(iter(blocks_of(path)), b"")[:LOOK]
    except Refusal:
        return False
    return b"\x00" not in head and is_running_text(head.decode("utf-8", "replace"))


def _text(path: Path, asked: Asked[RunningTextSettings]) -> str:
    decoded = text_of(path, lambda: blocks_of(path), asked.data.encoding, one_line=True).text
    return decoded.removeprefix("\ufeff").replace("\r\n", "\n")


def _cut(text: str, asked: Asked[RunningTextSettings]) -> dict[str, str]:
    """The text by place: what is learned from first, what judges last."""
    shares = BY_PLACE if asked.data.split == Fractions() else asked.data.split
    edges = [round(len(text) * share) for share in accumulate((getattr(shares, part) for part in PARTS), initial=0.0)]
    return {part: text[first:last] for part, (first, last) in zip(PARTS, pairwise(edges), strict=True)}


def _of_parts(texts: Mapping[Path, str], named: Mapping[Path, str | None]) -> dict[str, str]:
    """The texts whose files are named after parts.

    Raises:
        DataRefusal: a file names no part, or none is there to choose or to judge by.
    """
    strange = [file.name for file, part in named.items() if part is None]
    lacking = [part for part in ("validation", "test") if part not in named.values()]
    if strange or lacking:
        raise DataRefusal(
            "DATA_PARTS_OF_TEXT",
            f"{', '.join(strange)} names no part" if strange else f"there is no text for {' and '.join(lacking)}",
            where=", ".join(file.name for file in named),
            why="some files are named after parts, so all parts must be told",
            fix="name them train.txt, valid.txt and test.txt, or put the whole text into one file",
        )
    found = {part: "\n".join(text for file, text in texts.items() if named[file] == part) for part in PARTS}
    return found | {"calibration": found["calibration"] or found["validation"]}
