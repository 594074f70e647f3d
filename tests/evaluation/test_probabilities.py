"""Probabilities and quantiles are those of scipy, within 1e-8 of their size."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from thalweg.evaluation import probabilities

SHARE = st.floats(1e-4, 1 - 1e-4)
NEAR = {"rel": 1e-8, "abs": 1e-300}


@given(st.floats(0.05, 1e6), st.floats(0.05, 1e6), SHARE)
def test_a_beta_number_has_its_chances_and_quantiles(a, b, share):
    expected = special.betaincinv(a, b, share)

    assert probabilities.beta_quantile(a, b, share) == pytest.approx(expected, rel=1e-7, abs=1e-300)
    assert probabilities.beta(a, b, a / (a + b)) == pytest.approx(special.betainc(a, b, a / (a + b)), **NEAR)


@given(st.floats(0.5, 1e5), st.floats(-40, 40), SHARE)
def test_students_t_has_its_chances_and_quantiles(df, t, share):
    assert probabilities.student(df, t) == pytest.approx(special.stdtr(df, t), **NEAR)
    assert probabilities.student_quantile(df, share) == pytest.approx(special.stdtrit(df, share), rel=1e-7, abs=1e-7)


@given(st.floats(-30, 30), SHARE)
def test_a_normal_number_has_its_chances_and_quantiles(z, share):
    assert probabilities.normal(z) == pytest.approx(special.ndtr(z), **NEAR)
    assert probabilities.normal_quantile(share) == pytest.approx(special.ndtri(share), rel=1e-12, abs=1e-12)


@given(st.integers(0, 5000), st.data())
def test_a_count_has_its_chances(count, data):
    least = data.draw(st.integers(0, count))

    assert probabilities.binomial(least, count, 0.5) == pytest.approx(special.bdtr(least, count, 0.5), rel=1e-8, abs=1e-290)


def test_ends_are_exact_and_what_has_no_meaning_is_no_number():
    assert [probabilities.beta(2, 3, x) for x in (0, 1)] == [0, 1]
    assert [probabilities.beta_quantile(2, 3, share) for share in (0, 1)] == [0, 1]
    assert math.isnan(probabilities.student_quantile(0, 0.975))
    assert np.isnan(special.stdtrit(0, 0.975))
    assert math.isnan(probabilities.student(0, 1.0))
    assert math.isnan(probabilities.beta_quantile(math.nan, 1, 0.5))
