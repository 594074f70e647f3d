"""Every test can fail."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import Function, Source, dotted, sources

CHECKING = re.compile(r"(.*\.)?_*(assert|check|expect|raises|warns|fail)\w*")


def checks(function: Function, checkers: set[str]) -> bool:
    """Whether a function asserts, expects an exception, or calls something that does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not (isinstance(node.test, ast.Constant) and node.test.value):
            return True
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            if CHECKING.fullmatch(name) or name.split(".")[-1] in checkers:
                return True
    return False


def toothless(source: Source) -> Iterator[str]:
    """The tests of a file that cannot fail; what they call in the same file counts as theirs."""
    functions = source.functions()
    checkers: set[str] = set()
    for _ in range(3):  # a test may call what calls what asserts
        checkers |= {function.name for function in functions if checks(function, checkers)}
    for function in functions:
        if function.name.startswith("test_") and function.name not in checkers:
            yield f"{source.place(function)} {function.name}"


def test_every_test_can_fail():
    files = [source for source in sources("tests") if source.path.name.startswith("test_")]
    assert [found for source in files for found in toothless(source)] == []


def test_every_test_file_holds_a_test():
    files = [source for source in sources("tests") if source.path.name.startswith("test_")]
    empty = [source for source in files if not any(function.name.startswith("test_") for function in source.functions())]
    assert [str(source.path) for source in empty] == []


def test_toothless_tests_are_seen():
    code = "def test_a():\n    f()\ndef test_b():\n    assert True\ndef test_c():\n    assert f()\ndef test_d():\n    both(1)\n"
    code += "def both(x):\n    inner(x)\ndef inner(x):\n    assert x\n"
    assert [found.split()[1] for found in toothless(Source.of(code))] == ["test_a", "test_b"]
