"""Parts are read from decorator lines: of heads alone the same as of whole files."""

from pathlib import Path

import pytest

from thalweg.core import registry


def by_whole_file(sort: str, path: Path) -> list[registry.Part]:
    text = path.read_text(encoding="utf-8")
    return registry._whole(sort, path, text)


@pytest.mark.parametrize("sort", registry.ROOMS)
def test_what_ships_is_read_from_its_heads_as_from_the_whole_file(sort):
    files = sorted((registry.PACKAGE / registry.ROOMS[sort]).rglob("*.py"))
    assert [registry.scan(sort, path) for path in files] == [by_whole_file(sort, path) for path in files]


ONE = '@model("one")\nclass One:\n    """A part."""\n'
NO = '@model("no")\nclass No:\n    pass\n'
TWO = '@model("two")\ndef two(\n    a: int,\n) -> None:\n    """Two."""\n'
OTHERS = {
    "an example in the docstring": f'"""Write:\n\n{NO}"""\n\n\n{ONE}',
    "a comment behind the colon": "\n" + ONE.replace("One:\n", "One:  # mine\n") + "\n    def f(self) -> None:\n        pass\n",
    "no docstring": f'\n@model("one")\nclass One:\n    size = 3\n\n\n{TWO}',
    "a table elsewhere": 'TABLE = {"small": 1, "large": 2}\n\n\n' + ONE.replace('"one"', '"one", variants=TABLE, paper="x"'),
    "another decorator": '\n@model("one")\n@final\nclass One(Base):\n    """A part\n    of two lines."""\n',
    "another string above": f'TEXT = """\n{NO}"""\n\n\n{ONE}',
    "other quotes": f"TEXT = '''\n{NO}'''\n\n\n{ONE}",
}


@pytest.mark.parametrize("written", OTHERS.values(), ids=OTHERS.keys())
def test_files_of_others_are_read_as_they_are_written(tmp_path, written):
    path = tmp_path / "mine.py"
    path.write_text(written)
    assert registry.scan("model", path) == by_whole_file("model", path) != []
