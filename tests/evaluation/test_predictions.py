"""Predictions as a table: columns are what pyarrow makes of their values."""

import numpy as np
import pyarrow
import pytest

from thalweg.evaluation.predictions import arrow_array

COLUMNS = [
    *(np.arange(6, dtype=dtype) for dtype in ("int64", "int32", "uint8", "float32", "float64")),
    np.arange(10)[::2],
    np.array([], dtype=np.int64),
    np.array([True, False]),
    np.array(["a", "bc"]),
    np.array(["2020-01-01"], dtype="datetime64[us]"),
    *(["a", "é", ""], [None, "a"], [1, 2], []),
]


@pytest.mark.parametrize("column", COLUMNS, ids=repr)
def test_a_column_is_what_pyarrow_makes_of_its_values(column):
    expected = pyarrow.array(list(column)) if len(column) or isinstance(column, list) else pyarrow.array([], pyarrow.int64())
    found = arrow_array(column)
    found.validate(full=True)
    assert found.type == expected.type
    assert found.equals(expected)


def test_numbers_that_are_none_stay():
    assert np.isnan(arrow_array(np.array([np.nan]))[0].as_py())
