"""Care: a part's file stays small enough to be read in one sitting, and needs little of the rest."""

import ast
from pathlib import Path

from thalweg.contracts.finding import Contract, broken
from thalweg.contracts.subject import Subject
from thalweg.core.registry import PACKAGE

FILE_LINES = 500
REACHED_LINES = 1500


def file_is_small(subject: Subject) -> None:
    """The file that it stands in has at most 500 lines."""
    lines = len(subject.file.read_text(encoding="utf-8").splitlines())
    if lines > FILE_LINES:
        broken(f"{subject.file.name} has {lines} lines, {FILE_LINES} are allowed", "one idea per file: take a part of it out")


def reach_is_small(subject: Subject) -> None:
    """The file and all of thalweg that it imports have at most 1,500 lines."""
    lines = reached(subject.file)
    if sum(lines.values()) > REACHED_LINES:
        most = sorted(lines, key=lambda file: -lines[file])[:3]
        shown = ", ".join(f"{file.name} ({lines[file]})" for file in most)
        broken(f"its file needs {sum(lines.values()):,} lines, {REACHED_LINES:,} are allowed; most in {shown}", "import less")


def reached(file: Path) -> dict[Path, int]:
    """The files of thalweg that a file needs, itself included, with their lines; the package's lazy verbs lead nowhere."""
    lines: dict[Path, int] = {}
    waiting = [file.resolve()]
    while waiting:
        here = waiting.pop()
        if here in lines:
            continue
        text = here.read_text(encoding="utf-8")
        lines[here] = len(text.splitlines())
        if here != PACKAGE / "__init__.py":
            waiting += [found for name in _imported(ast.parse(text)) if (found := _file_of(name)) is not None]
    return lines


def _imported(tree: ast.Module) -> set[str]:
    """Every module of thalweg that a file imports anywhere, with the packages on the way to it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = [name.split(".") for name in found if name.split(".")[0] == PACKAGE.name]
    return {".".join(steps[:depth]) for steps in ours for depth in range(1, len(steps) + 1)}


def _file_of(module: str) -> Path | None:
    path = PACKAGE.parent / Path(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


CONTRACTS: dict[str, Contract[Subject]] = {
    "its file has at most 500 lines": file_is_small,
    "its file needs at most 1,500 lines": reach_is_small,
}
"""What the file of a declared model is held to."""
