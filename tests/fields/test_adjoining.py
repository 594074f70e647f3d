"""Columns that lie side by side are seen as one matrix, and encoded to the same bits as columns that do not."""

import numpy as np
import pytest

from thalweg.fields.adjoining import matrix_of
from thalweg.fields.kinds.number import Number


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_columns_of_a_matrix_are_that_matrix(order: str) -> None:
    matrix = np.asarray(np.arange(12.0).reshape(4, 3), order=order)  # type: ignore[call-overload]
    found = matrix_of([column[1:3] for column in matrix.T])
    assert found is not None
    assert np.shares_memory(found, matrix)
    np.testing.assert_array_equal(found, matrix[1:3])


def test_columns_of_different_memory_order_or_type_are_none() -> None:
    matrix = np.arange(12.0).reshape(4, 3)
    a, b, c = matrix.T
    for columns in ([a, b.copy(), c], [a, c, b], [a.copy(), b.copy()], [a, b[:3]], [a, b.view(np.int64)], [a, [1.0] * 4], [a]):
        assert matrix_of(columns) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, bool])
def test_numbers_of_a_matrix_are_encoded_as_those_of_single_columns(dtype: type) -> None:
    values = np.random.default_rng(0).normal(size=(50_000, 3)) * 50
    matrix = values.astype(dtype)
    if matrix.dtype.kind == "f":
        matrix[::7, 1] = np.nan
    matrix[:, 2] = 1
    number, columns = Number("numbers", ["a", "b", "c"]), [column.copy() for column in matrix.T]
    number.fit(columns)
    assert number.encode(list(matrix.T)).equal(number.encode(columns))
    assert number.remarks(list(matrix.T)) == number.remarks(columns)
    assert number.summary(list(matrix.T)) == number.summary(columns)
    assert number.encode(columns)[::7, 1].abs().max() == 0 or matrix.dtype.kind != "f"
    assert number.encode(columns)[:, 2].abs().max() == 0
