"""Series of unequal lengths."""

import numpy as np
import pytest
import torch

from thalweg.fields.encoding import BadRows
from thalweg.fields.kinds.series import Series

WAVES = [np.sin(np.linspace(0, 3, 20 + 3 * i)) + i for i in range(4)]


def test_series_of_unequal_lengths_are_gathered_with_the_time_last_and_a_mask():
    encoding = Series("x", ["x"]).fit([WAVES])
    assert encoding.port.shape == (1, None)
    assert encoding.port.masked
    assert encoding.port.longest == 29
    values, mask = encoding.encode([WAVES]).gather(torch.tensor([0, 2]))
    assert values.shape == (2, 1, 26)
    assert mask.sum(1).tolist() == [20, 26]
    assert not values[0, 0, 20:].any()
    decoded = encoding.decode(values)
    assert [len(row) for row in decoded] == [20, 26]
    assert np.allclose(decoded[1], WAVES[2], atol=1e-5)


def test_unequal_lengths_survive_a_package_and_rows_of_other_channels_are_named():
    encoding = Series("x", ["x"]).fit([WAVES])
    again = Series("x", ["x"]).restore(encoding.state())
    assert again.port == encoding.port
    with pytest.raises(BadRows, match="row 1: array of shape"):
        again.check([[WAVES[0], np.zeros((5, 2)), WAVES[1]]])
