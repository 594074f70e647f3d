"""Folders of classes: what files laid out as `<class>/<file>`, perhaps within `train/` and `test/`, say of class and part.

The same for folders on disk and inside archives: only names are looked at here.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from thalweg.core.errors import DataRefusal
from thalweg.data._paths import shown
from thalweg.data._split_names import PART_NAMES
from thalweg.fields.pictures import SUFFIXES

UNREAD = frozenset(
    {".heic", ".heif", ".avif", ".svg", ".eps", ".ps", ".psd", ".fits", ".fit", ".raw", ".dng", ".cr2", ".nef", ".ico"}
)
"""Suffixes of pictures that are not."""
JUNK = frozenset({"thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db", "icon\r"})
"""What systems leave in folders, besides names that start with a dot."""
DRAWING = """one folder per class:  photos/cat/1.jpg  photos/dog/7.jpg
         or with a split:  photos/train/cat/1.jpg  photos/test/dog/9.jpg
         or a table beside the pictures, with their paths in a column"""


@dataclass(frozen=True)
class Sought:
    """The files that are examples.

    Attributes:
        one, many: what they are called.
        suffixes: how their names end.
        unread: suffixes of such files that are not read.
        drawing: how they are laid out.
    """

    one: str
    many: str
    suffixes: Collection[str]
    unread: Collection[str] = ()
    drawing: str = ""

    def has(self, path: PurePosixPath) -> bool:
        """Whether a name is that of an example."""
        return path.suffix.casefold() in self.suffixes and not is_junk(path)

    def called(self, count: int) -> str:
        """What so many of them are called."""
        return self.one if count == 1 else self.many


PICTURES = Sought("picture", "pictures", SUFFIXES, UNREAD, DRAWING)


@dataclass(frozen=True)
class Row:
    """One example: where it lies, and the class and part that its folders name (None: none)."""

    file: PurePosixPath
    label: str | None
    part: str | None


@dataclass
class Layout:
    """The examples in the order of their names, and what to tell about the rest."""

    rows: list[Row]
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """The classes that have examples, sorted."""
        return sorted({row.label for row in self.rows if row.label is not None})


def is_picture(path: PurePosixPath) -> bool:
    """Whether a name is that of a picture that is read."""
    return PICTURES.has(path)


def is_junk(path: PurePosixPath) -> bool:
    """Whether a name, or a folder it lies in, is what systems leave behind."""
    return any(part.startswith(".") or part.casefold() in JUNK for part in path.parts)


def lay_out(
    files: Collection[PurePosixPath], folders: Collection[PurePosixPath], name: str, *, sought: Sought = PICTURES
) -> Layout:
    """Classes and parts of examples by the folders that they lie in.

    Args:
        files: all files, relative to the top.
        folders: all folders, so that empty ones are seen.
        name: the top, as the user named it.
        sought: which files are examples.

    Raises:
        DataRefusal: one class only, classes without examples, or only in held-out parts, or folders within those of classes.
    """
    found = sorted(file for file in files if sought.has(file))
    dirs = {folder for folder in folders if not is_junk(folder)}
    notes = _left_out(files, sought)
    wrapper = _wrapper(found, dirs)
    split = _is_split(found, dirs, wrapper)
    rows = [_row(file, wrapper, split=split) for file in found]
    if all(row.label is None for row in rows):
        return Layout(rows, [*notes, f"no folders of classes: {sought.many} without a target"])
    loose = [row for row in rows if row.label is None]
    rows = [row for row in rows if row.label is not None]
    _refuse_nested(rows, depth=len(wrapper.parts) + split + 2, name=name, sought=sought)
    named = _named_classes(dirs, wrapper, split=split)
    _refuse_gaps(rows, named, name, sought)
    if loose:
        notes.append(
            f"{len(loose):,} {sought.called(len(loose))} outside the folders of classes left out: {shown(loose[0].file)}"
        )
    return Layout(rows, notes + _thin_parts(rows, sought))


def _left_out(files: Collection[PurePosixPath], sought: Sought) -> list[str]:
    """Sentences on files that are no examples, or are not read."""
    junk = [file for file in files if is_junk(file)]
    rest = [file for file in files if not is_junk(file) and not sought.has(file)]
    unread = Counter(file.suffix.casefold() for file in rest if file.suffix.casefold() in sought.unread)
    other = sorted(file for file in rest if file.suffix.casefold() not in sought.unread)
    notes = []
    if junk:
        notes.append(f"{len(junk):,} {_files(len(junk))} that systems leave behind ignored: {shown(sorted(junk)[0].name)}")
    if other:
        notes.append(f"{len(other):,} other {_files(len(other))} ignored: {', '.join(shown(file.name) for file in other[:3])}")
    if unread:
        kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in unread.most_common())
        notes.append(f"{sought.many} left out: {kinds}; read are {', '.join(sorted(sought.suffixes))}")
    return notes


def _wrapper(found: Sequence[PurePosixPath], dirs: Collection[PurePosixPath]) -> PurePosixPath:
    """The folder that holds everything, as archives often have one: alone at its level, with no examples right inside."""
    wrapper = PurePosixPath()
    while True:
        inside = {folder for folder in dirs if folder.parent == wrapper}
        depth = len(wrapper.parts)
        if len(inside) != 1 or not found or any(len(file.parts) <= depth + 2 for file in found):
            return wrapper
        only = next(iter(inside))
        if only.name.casefold() in PART_NAMES:
            return wrapper
        wrapper = only


def _is_split(found: Sequence[PurePosixPath], dirs: Collection[PurePosixPath], wrapper: PurePosixPath) -> bool:
    """Whether the folders at the top are parts and not classes."""
    tops = {folder.name.casefold() for folder in dirs if folder.parent == wrapper}
    loose = any(file.parent == wrapper for file in found)
    return bool(tops) and not loose and tops <= set(PART_NAMES) and any(PART_NAMES[top] == "train" for top in tops)


def _row(file: PurePosixPath, wrapper: PurePosixPath, *, split: bool) -> Row:
    inner = file.relative_to(wrapper).parts
    part = PART_NAMES[inner[0].casefold()] if split else None
    inner = inner[1:] if split else inner
    return Row(file, inner[0] if len(inner) > 1 else None, part)


def _named_classes(dirs: Collection[PurePosixPath], wrapper: PurePosixPath, *, split: bool) -> set[tuple[str | None, str]]:
    """Part and name of every folder that stands for a class, with or without examples."""
    inner = [folder.relative_to(wrapper).parts for folder in dirs if folder.is_relative_to(wrapper)]
    return {(PART_NAMES[parts[0].casefold()] if split else None, parts[-1]) for parts in inner if len(parts) == 1 + split}


def _refuse_nested(rows: Sequence[Row], *, depth: int, name: str, sought: Sought) -> None:
    deep = [row.file for row in rows if len(row.file.parts) > depth]
    if deep:
        raise _layout(
            name,
            f"{len(deep):,} of {len(rows):,} {sought.many} lie in folders within a folder of a class",
            shown(deep[0]),
            sought,
        )


def _refuse_gaps(rows: Sequence[Row], named: Collection[tuple[str | None, str]], name: str, sought: Sought) -> None:
    """Return if every class has examples to learn from, and there are two classes at least."""
    learned = {row.label for row in rows if row.part in (None, "train")}
    empty = sorted({label for part, label in named if part in (None, "train")} - learned)
    if len(empty) > len(learned):
        what = f"{len(empty)} of {len(empty) + len(learned)} folders hold no {sought.many}"
        raise _layout(name, what, shown(empty[0]), sought)
    if empty:
        raise DataRefusal(
            "DATA_EMPTY_CLASS",
            f"no {sought.many} in {len(empty)} of {len(learned) + len(empty)} folders of classes",
            where=", ".join(shown(label) for label in empty[:5]),
            why="a class is learned from examples of it",
            fix=f"put {sought.many} into these folders, or remove them",
            details={"classes": empty},
        )
    unseen = sorted({row.label for row in rows if row.label is not None} - learned)
    if unseen:
        raise DataRefusal(
            "DATA_CLASS_NOT_TRAINED",
            f"{len(unseen)} classes stand in held-out folders only",
            where=", ".join(shown(label) for label in unseen[:5]),
            why="what is never seen in training can never be predicted",
            fix=f"move some of their {sought.many} to train/, or remove their folders",
            details={"classes": unseen},
        )
    if len(learned) < 2:
        raise _layout(name, f"one class only: {shown(next(iter(learned)) or '')}", f"{len(rows):,} {sought.many}", sought)


def _thin_parts(rows: Sequence[Row], sought: Sought) -> list[str]:
    """Sentences on classes that a held-out part lacks."""
    labels = {row.label for row in rows}
    notes = []
    for part in sorted({row.part for row in rows if row.part not in (None, "train")}):
        lacking = sorted(label for label in labels - {row.label for row in rows if row.part == part} if label is not None)
        if lacking:
            notes.append(f"{part} has no {sought.many} of {', '.join(shown(label) for label in lacking[:5])}")
    return notes


def _layout(name: str, what: str, where: str, sought: Sought) -> DataRefusal:
    why = "folders name the classes"
    return DataRefusal("DATA_FOLDER_LAYOUT", f"{shown(name)}: {what}", where=where, why=why, fix=sought.drawing)


def _files(count: int) -> str:
    return "file" if count == 1 else "files"
