"""The small convolutional net: as deep as pictures are large, and as wide as one asks."""

import pytest
import torch

from thalweg.core import registry
from thalweg.fields.ports import Port, Ports
from thalweg.models.convnet import ConvNet, chosen_widths


def net(side: int, **settings) -> ConvNet:
    ports = Ports((Port("image", "image", (1, side, side)),), (Port("class", "category", (), size=10),))
    return registry.load("model", "convnet")(ports, registry.settings_of("model", "convnet", settings))


@pytest.mark.parametrize(
    ("side", "widths"),
    [
        (4, (32, 32, 64, 64)),
        (8, (32, 32, 64, 64)),
        (28, (32, 32, 64, 64, 128, 128)),
        (64, (16, 16, 32, 32, 64, 64) + 4 * (128,)),
    ],
)
def test_larger_pictures_get_more_convolutions(side, widths):
    assert chosen_widths(side) == widths


@pytest.mark.parametrize("side", [4, 7, 8, 15, 28, 33])
def test_the_last_maps_have_four_pixels_a_side_whatever_the_pictures_have(side):
    made = net(side)
    assert made(torch.randn(2, 1, side, side)).shape == (2, 10)
    assert made.head.in_features == 16 * chosen_widths(side)[-1]
    assert made.trunk(torch.randn(2, 1, side, side)).shape[-1] in range(4, 8)


def test_widths_that_are_asked_for_are_the_ones_that_are_built():
    assert [one.out_channels for one in net(28, widths=(3, 5)).modules() if isinstance(one, torch.nn.Conv2d)] == [3, 5]


def test_photos_are_halved_at_once_which_spares_most_of_their_time():
    small, photo = net(64), net(128)
    assert (small.trunk[0].stride, photo.trunk[0].stride) == ((1, 1), (2, 2))
    assert photo.trunk[0].kernel_size == (4, 4)
    assert chosen_widths(128) == chosen_widths(64)
    assert photo(torch.randn(2, 1, 128, 128)).shape == (2, 10)
    assert net(70)(torch.randn(1, 1, 70, 70)).shape == (1, 10)
