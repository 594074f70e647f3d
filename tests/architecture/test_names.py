"""Files and things are named after what they are."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import ROOT, Function, Source, sources

FILES = re.compile(r"_?(utils?|helpers?|managers?|common|misc|base|tools?|stuff)")
THINGS = re.compile(
    r"_?(tmp|temp|flag|foo|bar|stuff|misc|data\d+|.+_(helper|util|utils|manager|flag|tmp))|.*(Manager|Helper|Utils?|Common|Misc)"
)


def named(node: ast.AST) -> str | None:
    """The name that a node gives to something, if it does."""
    if isinstance(node, Function | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr
    return node.arg if isinstance(node, ast.arg) else None


def empty_names(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        name = named(node)
        if name and THINGS.fullmatch(name):
            yield f"{source.place(node)} {name}"


def test_no_file_or_folder_is_named_after_nothing():
    paths = {part for source in sources() for part in source.path.relative_to(ROOT).with_suffix("").parts}
    assert {part for part in paths if FILES.fullmatch(part.removeprefix("test_"))} == set()


def test_nothing_is_named_after_nothing():
    assert [found for source in sources("thalweg") for found in empty_names(source)] == []


def test_empty_names_are_seen():
    code = "def f(flag, *, data2):\n    tmp = flag\n    self.shape_helper = tmp\nclass RunManager: ..."
    assert len(list(empty_names(Source.of(code)))) == 5
    assert list(empty_names(Source.of("def f(data, flagged, manage):\n    template = 2"))) == []
    assert FILES.fullmatch("_helpers")
    assert not FILES.fullmatch("baseline")
