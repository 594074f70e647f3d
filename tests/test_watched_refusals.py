"""The look at every refusal sees those that tests provoke, wherever they are caught, and what each of them lacks."""

import pytest

from tests.watched_refusals import Watched, problems_of
from thalweg.core.errors import DataRefusal, PackageRefusal, Refusal, UsageRefusal
from thalweg.core.strict_json import parse_json

SAID = {"where": "line 3", "why": "a row needs a value in each column", "fix": "give the value"}


def test_a_refusal_that_a_test_provokes_is_seen_though_it_is_caught(refusals: Watched):
    before = refusals.seen
    with pytest.raises(PackageRefusal):
        parse_json(b"{", where="here")
    assert refusals.seen == before + 1
    assert refusals.problems == []


def test_what_ours_do_not_say_is_told_with_file_and_line(refusals: Watched):
    with pytest.raises(PackageRefusal):
        parse_json(b"\xff", where="")
    [problem] = refusals.problems
    refusals.problems.clear()  # else this very test would fail by it
    assert problem.startswith("core/strict_json.py:")
    assert problem.endswith("JSON_INVALID says nothing of its where")


def test_a_refusal_that_says_everything_passes():
    assert problems_of(DataRefusal("DATA_GAP", "row 3 has no value", **SAID)) == []


@pytest.mark.parametrize("part", ["where", "why", "fix"])
def test_each_part_that_is_empty_is_told(part):
    [problem] = problems_of(DataRefusal("DATA_GAP", "row 3 has no value", **{**SAID, part: ""}))
    assert problem == f"DATA_GAP says nothing of its {part}"


@pytest.mark.parametrize(
    ("code", "what", "wrong"),
    [
        ("data gap", "row 3 has no value", "no stable code"),
        ("GAP", "row 3 has no value", "no stable code"),
        ("DATA_GAP", "invalid input", "does not say what is wrong"),
        ("DATA_GAP", "gap", "does not say what is wrong"),
        ("DATA_GAP", "row 3 is <object object at 0x7f0011223344>", "shows what is ours"),
        ("DATA_GAP", "Traceback (most recent call last): in f", "shows what is ours"),
        ("DATA_GAP", "row 3\n has\n no\n value", "more than 6 lines"),
    ],
)
def test_codes_and_sentences_that_help_nobody_are_told(code, what, wrong):
    [problem] = problems_of(UsageRefusal(code, what, **SAID))
    assert wrong in problem


def test_an_exit_code_that_is_not_its_class_s_is_told():
    class Odd(DataRefusal):
        exit_code = 4

    [problem] = problems_of(Odd("DATA_GAP", "row 3 has no value", **SAID))
    assert "ends with 4, its class with 3" in problem


def test_details_that_do_not_go_into_json_are_told():
    [problem] = problems_of(Refusal("DATA_GAP", "row 3 has no value", details={"row": {3}}, **SAID))
    assert "JSON" in problem
