"""Files that people have and that are not read, or not yet: what they hold, and what can be done with them now."""

from collections import Counter
from collections.abc import Iterable
from pathlib import PurePath

HELD: tuple[tuple[str, str, str], ...] = (
    (
        ".wav .flac .ogg .mp3 .m4a .aiff .aac",
        "sound",
        "give pictures of spectrograms, a folder per class, or numbers",
    ),
    (".mp4 .avi .mov .mkv .webm", "films", "take pictures out of them, a folder per class"),
    (".conll .conllu", "labels for each word", "give whole texts with one label each"),
    (".nii .dcm .mha .nrrd", "medical scans", "save slices as PNG, a folder per class, or arrays as .npz"),
    (".h5 .hdf5 .mat .nc", "arrays of other programs", "save them: numpy.savez(file, x=..., y=...)"),
    (".pkl .pickle .pt .pth .joblib", "Python objects", "save arrays as .npz, tables as Parquet"),
    (".sav .dta .sas7bdat .rds .rdata", "tables of statistics programs", "export the table as CSV or Parquet"),
    (".db .sqlite .sqlite3", "databases", "export the table as CSV or Parquet"),
    (".xls .ods .numbers", "sheets of another format", "save the sheet that is meant as .xlsx or CSV"),
    (".pdf .doc .docx .odt .rtf", "documents", "save each as plain text (.txt), a folder per class"),
    (".xml .html .htm", "marked-up text", "write a table: a row for each example"),
)
"""Ends of names, what such files hold, and what to do."""
UNREAD = {end: (what, remedy) for ends, what, remedy in HELD for end in ends.split()}
PACKINGS = (".gz", ".bz2", ".xz", ".zst")


def ending(name: PurePath | str) -> str:
    """The end of a file's name that says what it is, with how it is packed: `.conll.gz` of `train.conll.gz`."""
    path = PurePath(name)
    if path.suffix.casefold() in PACKINGS:
        return (PurePath(path.stem).suffix + path.suffix).casefold()
    return path.suffix.casefold()


def unread(name: PurePath | str) -> tuple[str, str] | None:
    """What a file holds that is not read, and what to do; None where its name does not say."""
    end = ending(name)
    return UNREAD.get(next((end.removesuffix(one) for one in PACKINGS if end.endswith(one)), end))


def endings(names: Iterable[PurePath | str]) -> str:
    """How many files end in what, the commonest first."""
    counts = Counter(ending(name) or "no suffix" for name in names)
    return ", ".join(f"{end} ({count:,})" for end, count in counts.most_common(8)) or "no files"


def mostly_unread(names: Iterable[PurePath | str]) -> tuple[str, str] | None:
    """What most of some files hold, where that is not read; None elsewhere."""
    listed = list(names)
    held = Counter(found for name in listed if (found := unread(name)) is not None)
    return next((found for found, count in held.most_common(1) if 2 * count > len(listed)), None)
