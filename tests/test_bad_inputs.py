"""The list of bad inputs is true: what it calls tested is, and what it calls missing is."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parent
ROW = re.compile(r"\| ([A-Z]{3}-\d\d) \| (.+) \| (.+) \|")
NUMBERED = re.compile(r"test_([a-z]{3})_(\d\d)_")
LENGTHS = {
    "DAT": 56,
    "IMG": 19,
    "TXT": 6,
    "ARC": 16,
    "EVL": 10,
    "CLI": 26,
    "CFG": 23,
    "PKG": 30,
    "API": 55,
    "NUM": 31,
    "RUN": 16,
}


def listed() -> dict[str, str]:
    """What the list says of each number."""
    lines = (TESTS / "bad_inputs.md").read_text(encoding="utf-8").splitlines()
    return {row[1]: row[3] for row in map(ROW.fullmatch, lines) if row}


def all_tests() -> set[str]:
    """The names of all tests that there are."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py")]
    return {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_number_is_listed_once():
    lines = (TESTS / "bad_inputs.md").read_text(encoding="utf-8").splitlines()
    numbers = [row[1] for row in map(ROW.fullmatch, lines) if row]
    assert numbers == [f"{sort}-{number:02d}" for sort, count in LENGTHS.items() for number in range(1, count + 1)]


def test_every_test_that_is_named_exists():
    known = all_tests()
    named = {number: re.findall(r"`(test_\w+)`", said) for number, said in listed().items()}
    assert {number: names for number, names in named.items() if not set(names) <= known} == {}


def test_every_number_has_a_test_or_a_reason():
    silent = [
        number for number, said in listed().items() if "`test_" not in said and not re.fullmatch(r"not yet: .{10,}", said)
    ]
    assert silent == []


def test_no_number_is_called_untested_that_has_a_test():
    tested = {f"{match[1].upper()}-{match[2]}" for name in all_tests() if (match := NUMBERED.match(name))}
    stale = sorted(number for number, said in listed().items() if said.startswith("not yet") and number in tested)
    assert stale == [], "name the test in tests/bad_inputs.md instead of the reason"
