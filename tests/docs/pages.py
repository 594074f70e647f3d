"""Pages of the learning guide: their blocks of code are run in order, and what they print stands below them.

`python -m tests.docs.pages docs/neurons.md` runs a page, writes what it prints into it, and its pictures into docs/pictures.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python( slow)?\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?")


class Block(NamedTuple):
    """One block of code and what the page says that it prints."""

    code: str
    printed: str
    slow: bool
    line: int


def blocks(page: Path) -> list[Block]:
    """The blocks of a page; what follows a slow one is slow too."""
    text, found, slow = page.read_text(encoding="utf-8"), [], False
    for match in BLOCK.finditer(text):
        slow = slow or bool(match[1])
        found.append(Block(match[2], match[3] or "", slow, text[: match.start()].count("\n") + 2))
    return found


def run(page: Path, *, slow: bool) -> list[tuple[Block, str]]:
    """Each block with what it really prints, run in one namespace in the folder one is in."""
    names: dict[str, object] = {"__name__": "__main__"}
    made = []
    for block in blocks(page):
        if block.slow and not slow:
            break
        out = io.StringIO()
        code = compile("\n" * (block.line - 1) + block.code, str(page), "exec")
        with contextlib.redirect_stdout(out):
            exec(code, names)  # noqa: S102 - the pages are ours
        made.append((block, out.getvalue()))
    return made


def agree(shown: str, printed: str) -> bool:
    """The same words, and numbers that lie within a tenth or .03 of each other: other processors round otherwise."""
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", printed).split():
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(abs(one - two) <= max(0.03, 0.1 * abs(one)) for one, two in ((_value(a), _value(b)) for a, b in pairs))


def _value(written: str) -> float:
    return float(written.replace(",", ""))


def write(page: Path) -> None:
    """The page with what its blocks print, and its pictures."""
    page, here = page.resolve(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        printed = iter([out for _, out in run(page, slow=True)])
        os.chdir(here)
        for picture in sorted(Path(folder).glob("*.svg")):
            shutil.copy(picture, DOCS / "pictures" / picture.name)

    def filled(match: re.Match[str]) -> str:
        out = next(printed)
        return f"```python{match[1] or ''}\n{match[2]}```\n" + (f"\n```text\n{out.rstrip()}\n```\n" if out.strip() else "")

    page.write_text(BLOCK.sub(filled, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name))
