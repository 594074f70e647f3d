"""Files, functions and signatures stay small, and a model file reaches little."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, ROOT, Function, Source, sources

FILE_LINES = 500
FUNCTION_LINES = 60
PARAMETERS = 8
REACHED_LINES = 1500


def long_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES:
            yield f"{source.place(function)} {function.name} has {lines} lines, {FUNCTION_LINES} are allowed"


def parameters(function: Function) -> list[str]:
    """The names that a caller may give: neither self and cls nor *args and **kwargs."""
    given = function.args
    names = [argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def wide_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        count = len(parameters(function))
        if count > PARAMETERS:
            yield f"{source.place(function)} {function.name} has {count} parameters, {PARAMETERS} are allowed"


def test_no_file_is_longer_than_500_lines():
    lengths = {source.path.relative_to(ROOT): len(source.text.splitlines()) for source in sources()}
    assert {str(path): lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines():
    assert [message for source in sources() for message in long_functions(source)] == []


def test_no_function_takes_more_than_8_parameters():
    assert [message for source in sources() for message in wide_functions(source)] == []


def test_long_and_wide_functions_are_seen():
    body = "\n".join(f"    x{i} = {i}" for i in range(60))
    planted = Source.of(f"class A:\n  async def wide(self, a, b, c, d, /, e, f, *, g, h, i): ...\ndef long():\n{body}\n")
    assert [message.split()[1] for message in long_functions(planted)] == ["long"]
    assert [message.split()[1] for message in wide_functions(planted)] == ["wide"]


def file_of(module: str) -> Path | None:
    path = ROOT / Path(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def imported_modules(tree: ast.Module) -> set[str]:
    """Every module of ours that a file imports anywhere, with the packages on the way to it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    ours = {name for name in found if name.split(".")[0] == "thalweg"}
    return {".".join(name.split(".")[:depth]) for name in ours for depth in range(1, name.count(".") + 2)}


def reached(path: Path) -> dict[Path, int]:
    """The files of ours that a file needs, itself included, with their lines; the package's own lazy verbs lead nowhere."""
    by_path = {source.path: source for source in sources("thalweg")}
    lines: dict[Path, int] = {}
    waiting = [path]
    while waiting:
        here = waiting.pop()
        if here in lines:
            continue
        lines[here] = len(by_path[here].text.splitlines())
        if here != PACKAGE / "__init__.py":
            waiting += [file for module in imported_modules(by_path[here].tree) if (file := file_of(module))]
    return lines


def models() -> list[Path]:
    """All files of models; what fetches and fills published weights is none."""
    found = (PACKAGE / "models").rglob("*.py")
    return sorted(path for path in found if path.name != "__init__.py" and path.parent.name != "weights")


@pytest.mark.parametrize("path", models(), ids=lambda path: path.stem)
def test_a_model_file_reaches_at_most_1500_lines(path):
    lines = reached(path)
    shown = {str(file.relative_to(ROOT)): count for file, count in sorted(lines.items(), key=lambda item: -item[1])}
    assert sum(lines.values()) <= REACHED_LINES, shown


def test_reach_follows_imports_of_modules_and_names_alike():
    tree = ast.parse("import thalweg.core.errors\ndef f():\n    from thalweg.core import registry\nimport torch")
    assert imported_modules(tree) >= {"thalweg", "thalweg.core", "thalweg.core.errors", "thalweg.core.registry"}
    assert "torch" not in imported_modules(tree)
    reach = {file.name for file in reached(PACKAGE / "core" / "registry.py")}
    assert reach >= {"registry.py", "errors.py", "settings.py"}
