"""Columns of plain numbers, read at once: the same as text by text, or not at all."""

from collections import Counter

import numpy as np
import pyarrow  # noqa: F401 - where it is not there, short columns are read text by text
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalweg.fields.plain_numbers import plain_numbers
from thalweg.fields.spelled_numbers import Decimals, has_leading_zero, written
from thalweg.fields.spelling import NO_NUMBER, Spelling, numbers_of

ODD = (
    "1,5", "1.234", "-12.345", "0.000", "00.125", "1.234,5", "1,234.5", "1.234.567", "1'000", "1 000", "1\u00a0000",
    "$5", "5 €", "12%", "(7)", "-(7)", "+3", "+.5", "−4", "- 4", "--4", "007", "-01", "0", "-0", "-0.0", "00", "0.",
    ".5", "-.5", "1e5", "1E5", "1.234e5", "1e+05", "2.5E-3", "1e400", "1e-400", "1e", "1d5", "0x1F", "0x10p3", "1_000", "1f5",
    "nan", "NaN", "-nan", "nan(1)", "inf", "-Infinity", "infinity5", "", " ", "?", "NA", "na", "None", "-", ".", "n.a.", "-999",
    "１２", "٣", "1\u0660", "12\t", "\t12", " 12 ", "\u300012", "12\u2009", "12\x1f", "\x1f12", "12\n", "1;2",
    "12a", "a12", "A-12",
    "999999999999999", "1000000000000000", "9007199254740993", "123456789012345678901234567890", "3.14159265358979323846",
    "0.1234567890123456789", "1.7976931348623157e308", "4.9e-324", "2.2250738585072011e-308", "20240131", "1.5e3 ", "1e05",
)  # fmt: skip
PLAIN = st.one_of(
    st.integers(-(10**15) + 1, 10**15 - 1).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.3f}"),
    st.floats(-1e6, 1e6).map(lambda value: f"{value:.18e}"),
    st.text("0123456789", min_size=1, max_size=12),
)
TEXT = st.one_of(PLAIN, st.sampled_from(ODD), st.text("0123456789.,eE+- ", max_size=8), st.text(max_size=4), st.none())
MISSING = (*NO_NUMBER, "-999", "1e5", "gone")


def text_by_text(spelling, texts):
    return numbers_of([None if text is None else spelling.meaning(text) for text in texts])


def assert_same(one, other):
    assert type(one) is type(other)
    if isinstance(one, list):
        assert repr(one) == repr(other)
    else:
        assert one.dtype == other.dtype
        assert one.tobytes() == np.where(np.isnan(other), np.nan, other).tobytes() if one.dtype.kind == "f" else True
        np.testing.assert_array_equal(one, other)


@settings(max_examples=120)
@given(st.lists(TEXT, min_size=1, max_size=4), st.sampled_from([".", ","]), st.sampled_from([NO_NUMBER, MISSING]))
def test_a_column_is_read_at_once_as_it_is_text_by_text(texts, decimal, nothing):
    spelling = Spelling("number", nothing, decimal)
    assert_same(spelling.read(texts), text_by_text(spelling, texts))


@settings(max_examples=100)
@given(
    st.lists(st.one_of(PLAIN, st.sampled_from(ODD), st.none()), min_size=1, max_size=3), st.sampled_from([NO_NUMBER, MISSING])
)
def test_what_is_told_of_plain_numbers_is_what_each_text_tells(texts, nothing):
    plain = plain_numbers(texts, nothing)
    if plain is None:
        return
    bare = Counter("" if text is None else text.strip() for text in texts)
    gaps = {text: count for text, count in bare.items() if text.casefold() in nothing}
    there = {text: count for text, count in bare.items() if text not in gaps}
    readings = {text: written(text) for text in there}
    assert plain.gaps == gaps
    assert plain.decimals == Decimals.of(there, readings)
    assert plain.decimals.point == sum(there.values())
    assert plain.whole == all(one.as_point == one.as_comma and "." not in text for text, one in readings.items())
    assert not any(has_leading_zero(text) or readings[text].beside(".") for text in there)
    assert not any(text.lstrip("+-").isdigit() and len(text.lstrip("+-")) > 15 for text in there)


@pytest.mark.parametrize("text", ODD)
def test_every_odd_spelling_is_read_the_same_alone_and_among_numbers(text):
    for decimal in ".,":
        spelling = Spelling("number", NO_NUMBER, decimal)
        for texts in ([text], ["1.5", text], ["3", text, "12"]):
            assert_same(spelling.read(texts), text_by_text(spelling, texts))


def test_the_usual_columns_of_numbers_are_read_at_once():
    draw = np.random.default_rng(0)
    values = draw.normal(size=500)
    for form in ("{!r}", "{:.2f}", "{:.3f}", "{:g}", "{:.18e}", "{:.0f}"):
        texts = [form.format(value) for value in values.tolist()]
        found = plain_numbers([*texts, "", None, "NaN", " 7.5 "], NO_NUMBER)
        assert found is not None
        assert found.values[:500].tolist() == [float(text) for text in texts]
        assert found.gaps == {"": 2, "NaN": 1}
        assert found.values[-1] == 7.5


def test_codes_words_and_numbers_that_are_no_text_are_left_to_a_closer_look():
    for texts in (
        ["007", "12"],
        ["1234567890123456", "2"],
        ["12", "three"],
        ["", "NA"],
        [],
        ["1", 2],
        ["\ud800", "1"],
        ["1,5"],
    ):
        assert plain_numbers(texts, NO_NUMBER) is None
