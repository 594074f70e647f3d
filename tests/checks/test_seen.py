"""Columns as detectors see them: what is reckoned for whole arrays is what each value says."""

from collections import Counter

import numpy as np
import pytest

from thalweg.checks.hashing import groups_of
from thalweg.checks.seen import Seen

DRAW = np.random.default_rng(0)
COLUMNS = {
    "fractions": np.where(DRAW.random(200) < 0.1, np.nan, DRAW.normal(size=200).round(1)),
    "zeros": np.array([0.0, -0.0, 1.5, -0.0, np.nan, np.inf, -np.inf, 0.0]),
    "single": DRAW.normal(size=50).astype(np.float32),
    "whole": DRAW.integers(-5, 5, 200),
    "large": np.array([2**53, 2**53 + 1, 2**53 + 2, -(2**60), 2**53]),
    "truths": DRAW.random(50) < 0.5,
    "words": np.array(["b", "a", "", "b", "Ä", "a ", "NA", "?", "B"]),
    "moments": np.array(["2024-01-02", "2024-01-01", "NaT", "2024-01-02"], dtype="datetime64[us]"),
    "texts": ["b", "a", None, "b", "3", "3.0", "", "NA", "A"],
    "all sorts": ["b", 1, 1.0, True, None, "1", float("nan"), 2.5],
}


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_counts_and_levels_of_a_column_agree(name):
    column = COLUMNS[name]
    one = Seen(name, column, None, "input")
    if isinstance(column, np.ndarray):
        np.testing.assert_array_equal(np.asarray(one.values, dtype=column.dtype)[one.index], column)
    assert one.occurrences.tolist() == np.bincount(one.index).tolist()
    assert one.counts.tolist() == np.bincount(one.codes[one.codes >= 0], minlength=one.distinct).tolist()
    assert one.missing.tolist() == one.spelt[one.index].tolist() == (one.codes < 0).tolist()
    np.testing.assert_array_equal(one.numbers, one._read[one.index])
    assert one.numbers.dtype == np.float64
    assert len(one.levels) == one.distinct == len(set(one.levels))


@pytest.mark.parametrize("name", ["fractions", "zeros", "single", "whole", "large", "truths"])
def test_an_array_of_numbers_is_seen_as_the_list_of_them_is(name):
    array = COLUMNS[name]
    one = Seen(name, array, None, "input")
    values = [float(value) + 0.0 for value in array.tolist()]
    assert one.missing.tolist() == [value != value for value in values]
    np.testing.assert_array_equal(one.numbers, values)
    assert dict(zip(one.levels, one.counts.tolist(), strict=True)) == Counter(f"{v:.17g}" for v in values if v == v)


def test_rows_are_grouped_by_their_hashes_whether_any_stand_twice_or_none():
    for hashes in (DRAW.integers(0, 40, 100), np.arange(50)[::-1], np.array([7]), np.zeros(0, dtype=np.int64)):
        first, counts = groups_of(hashes.astype(np.uint64))
        values = hashes.tolist()
        assert first.tolist() == [values.index(value) for value in values]
        assert counts.tolist() == [values.count(value) for value in values]
