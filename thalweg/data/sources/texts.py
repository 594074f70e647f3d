"""A folder of texts: one folder per class with a text file for each example, perhaps within train/ and test/."""

import hashlib
from pathlib import Path, PurePosixPath

import torch

from thalweg.core.registry import source
from thalweg.data._character_encoding import text_of
from thalweg.data._class_folders import Layout, Sought, lay_out
from thalweg.data._source import Asked
from thalweg.data.dataset import PARTS, Examples

DEPTH, LOOK = 4, 20_000
DRAWING = """one folder per class:  reviews/good/1.txt  reviews/bad/7.txt
         or with a split:  reviews/train/good/1.txt  reviews/test/bad/9.txt"""
TEXTS = Sought("text", "texts", frozenset({".txt", ".text", ".md"}), drawing=DRAWING)


def recognises(path: Path) -> int:
    """Somewhat sure of a folder in which texts lie in two folders or more."""
    holding: set[PurePosixPath] = set()
    for looked, (entry, is_folder) in enumerate(_walk(path)):
        if not is_folder and TEXTS.has(entry) and len(entry.parts) > 1:
            holding.add(entry.parent)
        if len(holding) > 1:
            return 20
        if looked > LOOK:
            break
    return 0


@source("texts", folder=True)
def texts(asked: Asked) -> Examples:
    """The texts in `text`, the folders' names in `class`; the split that the folders name is kept.

    Raises:
        DataRefusal: folders that do not say the classes, or a file that is no text.
    """
    top = Path(asked.given)
    entries = list(_walk(top))
    files, folders = ([entry for entry, is_folder in entries if is_folder == wanted] for wanted in (False, True))
    layout = lay_out(files, folders, top.name or str(top), sought=TEXTS)
    whole, written = hashlib.sha256(), []
    for row in layout.rows:
        content = (top / row.file).read_bytes()
        whole.update(str(row.file).encode("utf-8", "surrogateescape") + b"\x00" + content)
        written.append(_text(top / row.file, content, asked.data.encoding))
    return _examples(top.resolve().name, layout, written, f"sha256:{whole.hexdigest()}")


def _text(path: Path, content: bytes, encoding: str | None) -> str:
    return text_of(path, lambda: [content], encoding, one_line=True).text if content else ""


def _examples(name: str, layout: Layout, written: list[str], digest: str) -> Examples:
    examples = Examples(name, {"text": written}, kinds={"text": "text"}, notes=layout.notes, facts={"digest": digest})
    if layout.classes:
        examples.columns["class"] = [row.label or "" for row in layout.rows]
        examples.kinds["class"], examples.roles["class"] = "category", "target"
        examples.facts["classes"] = layout.classes
    for part in PARTS:
        numbers = [i for i, row in enumerate(layout.rows) if row.part == part]
        if numbers:
            examples.given[part] = torch.tensor(numbers)
    return examples


def _walk(top: Path) -> list[tuple[PurePosixPath, bool]]:
    """Every entry of a folder down to `DEPTH` folders, relative to it, and whether it is a folder; links are not followed."""
    found: list[tuple[PurePosixPath, bool]] = []
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        for entry in sorted(folder.iterdir()):
            inner = PurePosixPath(entry.relative_to(top).as_posix())
            is_folder = entry.is_dir() and not entry.is_symlink()
            if is_folder or entry.is_file():
                found.append((inner, is_folder))
            waiting += [entry] if is_folder and len(inner.parts) < DEPTH else []
    return found
