"""YAML is read in one way only."""

import pytest

from thalweg.core.errors import UsageRefusal
from thalweg.core.redaction import LEFT_OUT, redacted
from thalweg.core.requirements import Need, needs, refuse_unmet, unmet
from thalweg.core.strict_yaml import parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1e3", 1000.0), (".5", 0.5), ("-7", -7), ("0x1f", 31), ("0o17", 15), ("010", 10), ("true", True),
        ("False", False), ("~", None), ("null", None), ("", None), ("no", "no"), ("on", "on"), ("10:30", "10:30"),
        ("2024-01-02", "2024-01-02"), ("1_000", "1_000"), ("'3'", "3"), ("[1, two, 3.0]", [1, "two", 3.0]),
        ("{a: {b: []}}", {"a": {"b": []}}), ("a:\n- 1\n- b: 2", {"a": [1, {"b": 2}]}), ("tRUE", "tRUE"),
    ],
)  # fmt: skip
def test_plain_values_are_those_of_yaml_1_2(text, value):
    found, _ = parse_yaml(text, where="x")
    assert found == value
    assert type(found) is type(value)


def test_a_number_of_many_digits_stays_text_instead_of_taking_minutes():
    assert parse_yaml("9" * 100_000, where="x")[0] == "9" * 100_000


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "? [x]\n: y", "*x", "&x 1", "!!str 1", "a: 1e999", "- .inf", "\x00"])
def test_what_is_not_understood_in_one_way_is_refused(text):
    with pytest.raises(UsageRefusal):
        parse_yaml(text, where="x")


def test_secrets_are_left_out_at_any_depth():
    given = {"token": "hf_x", "a": [{"api_key": "k", "db_password": "p", "tokens": 3}], "secret": "", "tokenizer": "words"}
    assert redacted(given) == {
        "token": LEFT_OUT,
        "a": [{"api_key": LEFT_OUT, "db_password": LEFT_OUT, "tokens": 3}],
        "secret": "",
        "tokenizer": "words",
    }


def test_packages_that_are_missing_or_too_old_are_named_with_the_line_that_installs_them():
    wanted = needs(["torch>=2.11", "numpy>=2.0", 'gymnasium>=1.0; extra == "rl"'])
    assert wanted == [Need("torch", "2.11"), Need("numpy", "2.0"), Need("gymnasium", "1.0", "rl")]
    assert wanted[2].install == "pip install 'thalweg[rl]'"
    assert unmet(wanted, {"torch": "2.9.1+cpu", "numpy": "2.0.0", "gymnasium": "1.2"}) == [(wanted[0], "2.9.1+cpu")]
    with pytest.raises(UsageRefusal, match=r"torch 2\.9\.1") as refusal:
        refuse_unmet(wanted, {"torch": "2.9.1", "numpy": "2.3"})
    assert refusal.value.fix == "pip install 'torch>=2.11'"


def test_this_installation_has_what_it_needs():
    assert unmet([need for need in needs() if not need.extra]) == []
