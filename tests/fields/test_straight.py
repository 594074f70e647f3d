"""Rows as they lie: scaled within a product where nothing is lost, exactly otherwise, and never what should be refused."""

import numpy as np
import pytest
import torch

from thalweg.fields.scale import Scale
from thalweg.fields.straight import NotStraight, Straight, straight_floats

DRAWN = np.random.default_rng(0).normal(2, 3, size=(50, 4))
SCALE = Scale.of(DRAWN)


def scaled(straight: Straight, first: int, last: int) -> np.ndarray:
    rows = straight.read(first, last).numpy()
    return rows if straight.factor is None else rows * straight.factor + straight.offset


@pytest.mark.parametrize(
    "values",
    [DRAWN, DRAWN.astype(np.float32), np.asfortranarray(DRAWN), DRAWN[::-1], DRAWN.round().astype(np.int64)],
    ids=["rows", "float32", "columns", "backwards", "whole numbers"],
)
def test_rows_are_standardised_however_they_lie(values):
    values.flags.writeable = False
    straight = straight_floats(values, SCALE, gaps=True)
    for first, last in ((0, 50), (7, 8), (20, 33)):
        np.testing.assert_allclose(scaled(straight, first, last), SCALE.standardised(values[first:last]), atol=1e-6)


def test_floats_are_read_where_they_lie():
    assert straight_floats(DRAWN, SCALE, gaps=True).read(3, 5).data_ptr() == DRAWN[3:].ctypes.data


def test_a_mean_far_from_zero_is_taken_off_before_the_product():
    years = DRAWN + 1e6
    straight = straight_floats(years, Scale.of(years), gaps=True)
    assert straight.factor is None
    assert np.array_equal(scaled(straight, 0, 50), Scale.of(years).standardised(years))


def test_what_never_varied_is_zero_whatever_it_is_now():
    still = DRAWN.copy()
    still[:, 1] = 5e5
    now = DRAWN.copy()
    now[:, 1] = [1e30, -4] * 25
    straight = straight_floats(now, Scale.of(still), gaps=True)
    assert straight.factor is not None
    assert not scaled(straight, 0, 50)[:, 1].any()


def test_gaps_are_the_mean_where_they_may_be_and_infinity_is_left_to_who_refuses_it():
    for values in (DRAWN.copy(), np.asfortranarray(DRAWN)):
        values[4, 2] = np.nan
        found = scaled(straight_floats(values, SCALE, gaps=True), 0, 50)
        np.testing.assert_allclose(found, SCALE.standardised(values), atol=1e-6)
        with pytest.raises(NotStraight):
            straight_floats(values, SCALE, gaps=False).read(0, 50)
        values[5, 0] = -np.inf
        straight = straight_floats(values, SCALE, gaps=True)
        assert torch.isfinite(straight.read(6, 50)).all()
        with pytest.raises(NotStraight):
            straight.read(0, 6)
