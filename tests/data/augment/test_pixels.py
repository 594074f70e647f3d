"""What changes the values of images."""

import colorsys

import pytest
import torch

from tests.data.augment.fields import classified
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.augment.colour import luma
from thalweg.data.augmented import build_augment
from thalweg.data.batch import Batch

AT = Position(seed=1)


def augmented(given, images, at=AT):
    (augment,) = build_augment([given], classified(channels=images.shape[1], side=images.shape[2]))
    return augment(Batch.of({"image": images}), at)["image"]


def test_colours_stay_between_zero_and_one():
    strongest = {"brightness": 1, "contrast": 1, "saturation": 1, "hue": 0.5}
    after = augmented({"colour": strongest}, torch.rand(64, 3, 8, 8))
    assert after.min() >= 0
    assert after.max() <= 1


def test_grey_has_no_hue_and_no_saturation():
    grey = torch.rand(16, 1, 8, 8).expand(-1, 3, -1, -1)
    after = augmented({"colour": {"brightness": 0, "contrast": 0, "saturation": 1, "hue": 0.5}}, grey)
    assert torch.allclose(after, grey, atol=1e-5)


def test_a_turn_of_hue_keeps_the_luma():
    muted = 0.4 + 0.2 * torch.rand(16, 3, 8, 8)  # far from the bounds, so that nothing is clamped
    after = augmented({"colour": {"brightness": 0, "contrast": 0, "hue": 0.5}}, muted)
    assert torch.allclose(luma(after), luma(muted), atol=1e-5)
    assert not torch.allclose(after, muted, atol=0.05)


def test_hue_turns_as_far_as_asked():
    red = torch.tensor([0.6, 0.4, 0.4]).view(1, 3, 1, 1).expand(500, 3, 1, 1)
    after = augmented({"colour": {"brightness": 0, "contrast": 0, "hue": 0.1}}, red)[:, :, 0, 0]
    turned = torch.tensor([(colorsys.rgb_to_hsv(*row)[0] + 0.5) % 1 - 0.5 for row in after.tolist()])
    assert 0.06 < turned.max() < 0.15  # YIQ turns, HSV measures: they differ by up to half
    assert -0.15 < turned.min() < -0.06


def test_brightness_multiplies_and_contrast_keeps_the_mean():
    images = 0.4 + 0.2 * torch.rand(16, 1, 8, 8)
    brighter = augmented({"colour": {"brightness": 0.3, "contrast": 0}}, images) / images
    assert torch.allclose(brighter, brighter[:, :, :1, :1].expand_as(brighter), atol=1e-5)
    sharper = augmented({"colour": {"brightness": 0, "contrast": 0.5}}, images)
    assert torch.allclose(sharper.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=1e-5)
    assert not torch.allclose(sharper, images, atol=0.01)


def test_greyscale_makes_channels_equal():
    after = augmented({"greyscale": {"probability": 1}}, torch.rand(8, 3, 4, 4))
    assert torch.equal(after[:, 0], after[:, 1])
    assert torch.equal(after[:, 0], after[:, 2])


@pytest.mark.parametrize("given", ["greyscale", {"colour": {"hue": 0.1}}, {"colour": {"saturation": 0.1}}], ids=str)
def test_hue_of_images_without_colour_is_refused(given):
    with pytest.raises(UsageRefusal, match="1 channel"):
        augmented(given, torch.rand(2, 1, 4, 4))


@pytest.mark.parametrize("name", ["erase", "cutout"])
def test_one_whole_square_is_erased(name):
    erased = augmented({name: {"pixels": 5}}, torch.ones(300, 2, 12, 12)) == 0
    assert (erased.sum((2, 3)) == 25).all()
    assert erased.any(0).all()  # every pixel is reached
    assert (erased.any(2).sum(2) == 5).all()


def test_what_stands_in_the_erased_square_is_as_asked():
    images = torch.rand(16, 3, 8, 8)
    mean = augmented({"erase": {"pixels": 8, "blot": "mean"}}, images)
    noise = augmented({"erase": {"pixels": 8, "blot": "noise"}}, images)
    assert torch.equal(mean, images.mean((2, 3), keepdim=True).expand_as(images))
    assert (noise != images).all()
    assert noise.std() > 0.2


def test_the_share_erased_lies_between_its_bounds():
    given = {"random-erasing": {"least": 0.1, "most": 0.2, "aspect": 0.5, "blot": "zero", "probability": 1}}
    share = (augmented(given, torch.ones(300, 1, 40, 40)) == 0).float().mean((1, 2, 3))
    assert 0.09 < share.min() < 0.12
    assert 0.18 < share.max() < 0.21


def test_noise_has_its_deviation():
    after = augmented({"noise": {"deviation": 0.05}}, torch.full((64, 1, 16, 16), 0.5))
    assert after.std().item() == pytest.approx(0.05, rel=0.03)
