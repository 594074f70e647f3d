"""Less than 3 % of the package's lines say again what other lines say."""

import ast
import re
from collections import defaultdict

from tests.architecture.sources import Source, sources

WINDOW = 6
SHARE = 0.03
TRIVIAL = re.compile(r"[\s()\[\]{},.:]*|(pass|return|else:|try:|finally:|@staticmethod|@property|@classmethod|\.\.\.)")


def telling_lines(source: Source) -> list[tuple[int, str]]:
    """Number and text of the lines that say something: no docstring, import, comment, blank or lone bracket."""
    silent: set[int] = set()
    for node in ast.walk(source.tree):
        words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        if words or isinstance(node, ast.Import | ast.ImportFrom):
            silent |= set(range(node.lineno, node.end_lineno + 1))
    lines = ((number, " ".join(line.split("  #")[0].split())) for number, line in enumerate(source.text.splitlines(), 1))
    return [(n, line) for n, line in lines if n not in silent and not line.startswith("#") and not TRIVIAL.fullmatch(line)]


def repeated(found: list[Source]) -> tuple[float, list[str]]:
    """The share of telling lines that lie in a window standing twice, and where those windows start."""
    places = defaultdict(list)
    total = 0
    for source in found:
        lines = telling_lines(source)
        total += len(lines)
        for start in range(len(lines) - WINDOW + 1):
            window = lines[start : start + WINDOW]
            places[tuple(text for _, text in window)].append((source, window))
    twice = {text: where for text, where in places.items() if len(where) > 1}
    covered = {(source.path, number) for where in twice.values() for source, window in where for number, _ in window}
    shown = [" = ".join(f"{source.path.name}:{window[0][0]}" for source, window in where) for where in twice.values()]
    return len(covered) / max(total, 1), shown


def test_repeated_lines_stay_under_3_percent():
    share, shown = repeated(sources("thalweg"))
    assert share < SHARE, shown


def test_a_copy_is_seen_and_a_docstring_is_none():
    body = "\n".join(f"    x{i} = f({i})" for i in range(7))
    prose = '    """' + "\n    words\n" * 9 + '"""'
    copied, told = f"def a():\n{body}\n", f"def b():\n{prose}\n    return 1\n"
    assert repeated([Source.of(copied, "one.py"), Source.of(copied.replace("a()", "b()"), "two.py")])[0] > 0.8
    assert repeated([Source.of(told, "one.py"), Source.of(told, "two.py")])[0] == 0
