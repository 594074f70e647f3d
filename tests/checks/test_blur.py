"""Blurring gives what scipy gives, to the last bit."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from thalweg.checks.blur import blurred


@pytest.mark.parametrize("shape", [(3, 48, 48), (40, 8, 8), (1, 300, 130), (5, 1, 3), (4, 2, 1), (0, 5, 5)])
@pytest.mark.parametrize("deviation", [1.0, 1.2, 2.0])
def test_pictures_of_any_size_are_blurred_as_by_scipy(shape, deviation):
    pictures = (np.random.default_rng(0).random(shape) * 255).astype(np.float32)

    assert np.array_equal(blurred(pictures, deviation), gaussian_filter(pictures, (0, deviation, deviation)))
