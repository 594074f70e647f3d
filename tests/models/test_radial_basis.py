"""Radial basis units answer by the Gaussian of their distance; with a centre on every row they pass through all of them."""

import numpy as np
import pytest
import torch

from thalweg.fields.ports import Port, Ports
from thalweg.models.radial_basis import RadialBasis, RadialBasisSettings

PORTS = Ports((Port("numbers", "numbers", (2,)),), (Port("y", "number", ()),))


def net(centres, widths, *, normalised=False) -> RadialBasis:
    made = RadialBasis(PORTS, RadialBasisSettings(units=len(centres), normalised=normalised)).double()
    made.centres.copy_(torch.tensor(centres))
    made.widths.copy_(torch.tensor(widths))
    return made


def test_a_unit_answers_one_at_its_centre_and_by_the_gaussian_elsewhere():
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]]).double()
    features = net([[0.0, 0.0], [3.0, 4.0]], [5.0, 10.0]).features(numbers=x)
    expected = [[1.0, np.exp(-25 / 200)], [np.exp(-25 / 50), 1.0]]
    np.testing.assert_allclose(features.numpy(), expected, rtol=1e-12)


def test_normalised_units_share_out_one_however_far_an_input_lies():
    x = torch.tensor([[0.1, 0.2], [900.0, -900.0]]).double()
    features = net([[0.0, 0.0], [1.0, 1.0]], [0.5, 0.5], normalised=True).features(numbers=x)
    np.testing.assert_allclose(features.sum(1).numpy(), 1.0, rtol=1e-12)
    assert net([[0.0, 0.0], [1.0, 1.0]], [0.5, 0.5]).features(numbers=x)[1].sum() == 0


def test_with_a_centre_on_every_row_any_targets_are_interpolated():
    """Broomhead and Lowe 1988, section 3: the matrix of distances between distinct points has an inverse."""
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).double()
    targets = torch.tensor([0.0, 1.0, 1.0, 0.0]).double()
    made = net(corners.tolist(), [0.7] * 4)
    with torch.no_grad():
        made.head.weight.copy_(torch.linalg.solve(made.features(numbers=corners), targets)[None])
        made.head.bias.zero_()
        assert made(numbers=corners)[:, 0].tolist() == pytest.approx(targets.tolist(), abs=1e-12)


def test_only_the_linear_layer_is_descended_upon():
    assert [name for name, _ in net([[0.0, 0.0]], [1.0]).named_parameters()] == ["head.weight", "head.bias"]
