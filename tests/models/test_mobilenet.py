"""MobileNetV2: its published count of parameters, and the rounding of maps."""

import pytest
import torch

from thalweg.core.registry import load, settings_of
from thalweg.fields.ports import Port, Ports
from thalweg.models.mobilenet import rounded

PHOTOS = Ports((Port("image", "image", (3, 224, 224)),), (Port("class", "category", (), size=1000),))


@pytest.mark.parametrize(
    ("name", "count"),
    [("mobilenet-v2", 3_504_872), ("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032)],
)
def test_nets_for_photos_have_the_published_number_of_parameters(name, count):
    with torch.device("meta"):
        net = load("model", name)(PHOTOS, settings_of("model", name))
    assert sum(one.numel() for one in net.parameters()) == count


def test_maps_are_multiples_of_eight_and_lose_no_more_than_a_tenth():
    assert [rounded(maps) for maps in (1, 12, 16.8, 24, 33.6)] == [8, 16, 16, 24, 32]
