"""A room's `__init__.py` says what the room is, and does nothing."""

import ast

from tests.architecture.sources import PACKAGE, Source, sources

DOORS = {PACKAGE / "__init__.py", PACKAGE / "cli" / "__init__.py"}  # the verbs; the command


def deeds(source: Source) -> list[str]:
    """What an `__init__.py` holds beside its docstring."""
    return [f"{source.place(node)} {type(node).__name__}" for node in source.tree.body[1:]]


def test_every_init_file_holds_a_docstring_and_nothing_else():
    rooms = [source for source in sources("thalweg") if source.path.name == "__init__.py"]
    assert [str(source.path) for source in rooms if not ast.get_docstring(source.tree)] == []
    assert [found for source in rooms if source.path not in DOORS for found in deeds(source)] == []


def test_every_file_of_the_package_opens_with_a_docstring():
    assert [source.place(source.tree) for source in sources("thalweg") if not ast.get_docstring(source.tree)] == []


def test_deeds_are_seen():
    assert len(deeds(Source.of('"""The room."""\nfrom thalweg.core import registry\nx = 1'))) == 2
