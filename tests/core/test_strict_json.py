"""Strict JSON: what two readers could understand differently is refused; what is written reads back the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.core.errors import DataRefusal, PackageRefusal
from thalweg.core.files import read_json, write_json
from thalweg.core.strict_json import parse_json, render_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=100)
@given(values)
def test_what_is_written_reads_back_the_same(value):
    assert parse_json(render_json(value), where="here") == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' stands twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "Infinity"),
        (b"[1e999]", "too large"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "bom"),
        (b'{"a": 1,}', "property name"),
        (b"", "expecting value"),
        (b"{} {}", "extra data"),
        (b'"open', "unterminated"),
        (b"1" * 5000, "digits"),
        (b"[" * 65 + b"]" * 65, "65 levels"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "100000 levels"),
    ],
)
def test_text_that_can_be_misread_is_refused(text, said):
    with pytest.raises(PackageRefusal, match="not valid JSON") as caught:
        parse_json(text, where="package.json")
    assert said in caught.value.what
    assert caught.value.where.startswith("package.json")


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        (b"NaN", ""),
        (b'{"rule": {"rate": NaN}}', "/rule/rate"),
        (b'{"a": [1, [2, -Infinity]]}', "/a/1/1"),
        (b'{"a/b": {"c~d": 1e999}}', "/a~1b/c~0d"),
        (b'{"x": 1.5, "y": ' + b"1" * 300 + b"e20}", "/y"),
    ],
)
def test_cfg_09_what_is_not_finite_is_pointed_at(text, pointer):
    with pytest.raises(DataRefusal) as caught:
        parse_json(text, where="plan.json", refusal=DataRefusal)
    assert caught.value.where == f"plan.json#{pointer}"


def test_brackets_inside_strings_are_not_depth():
    value = {'a"[[\\': "[" * 500 + '\\"' + "{" * 500}
    assert parse_json(render_json(value), where="here") == value
    assert parse_json(b"[" * 64 + b"]" * 64, where="here")


def test_quotes_that_never_close_cost_linear_time():
    with pytest.raises(PackageRefusal):
        parse_json(b"[" * 65 + b'"\\' * 500_000, where="here")


def test_lone_surrogates_survive(tmp_path):
    write_json(tmp_path / "a.json", {"name": "caf\udce9 ü"})
    assert read_json(tmp_path / "a.json", where="a.json") == {"name": "caf\udce9 ü"}


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_the_callers_class_decides_the_exit_code(tmp_path):
    (tmp_path / "a.json").write_bytes(b"{")
    with pytest.raises(DataRefusal):
        read_json(tmp_path / "a.json", where="a.json", refusal=DataRefusal)
    with pytest.raises(DataRefusal, match="does not exist"):
        read_json(tmp_path / "b.json", where="b.json", refusal=DataRefusal)


def test_a_file_over_the_limit_is_not_read(tmp_path):
    with (tmp_path / "a.json").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(PackageRefusal, match="limit"):
        read_json(tmp_path / "a.json", where="a.json")
