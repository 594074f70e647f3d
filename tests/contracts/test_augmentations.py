"""What every augmentation must keep to."""

import pytest
import torch

from tests.contracts.alternatives import alternatives
from tests.data.augment.fields import classified
from thalweg.core import registry
from thalweg.core.position import Position
from thalweg.data.augmented import build_augment
from thalweg.data.batch import Batch

NAMES = registry.names("augmentation")
AT = Position(seed=11, step=4)
ROWS, SIDE = 64, 16
ENCODINGS = classified(side=SIDE)
MILDEST = {
    "flip": {"probability": 0},
    "vertical-flip": {"probability": 0},
    "shift": {"pixels": 0},
    "crop": {"pixels": 0},
    "rotation": {"degrees": 0},
    "affine": {"degrees": 0, "scale": 0, "shear": 0, "shift": 0},
    "resized-crop": {"share": 1, "aspect": 1},
    "colour": {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0},
    "greyscale": {"probability": 0},
    "erase": {"pixels": 0},
    "cutout": {"probability": 0},
    "random-erasing": {"probability": 0},
    "noise": {"deviation": 0},
    "mixup": {"probability": 0},
    "cutmix": {"probability": 0},
}
FIELDS = [(name, field) for name in NAMES for field in registry.load("augmentation", name).declaration.settings.model_fields]


def rows(count=ROWS):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, SIDE, SIDE, generator=generator)
    return Batch.of({"image": images, "target": torch.arange(count) % 10})


def augmented(name, settings, batch, at=AT):
    (augment,) = build_augment([{name: settings}], ENCODINGS)
    return augment(batch, at)


def example(name):
    return registry.load("augmentation", name).example().model_dump()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_position_gives_the_same_batch_and_another_position_another(name):
    once, again, later = (augmented(name, example(name), rows(), at) for at in (AT, AT, AT.advanced(None)))
    assert torch.equal(once["image"], again["image"])
    assert torch.equal(once["target"], again["target"])
    assert not torch.equal(once["image"], later["image"])


@pytest.mark.parametrize("name", NAMES)
def test_equal_rows_are_varied_differently(name):
    batch = rows()
    if name in ("mixup", "cutmix"):  # equal rows mix to themselves: the shares of the targets tell
        varied = augmented(name, example(name), batch)["target"].max(1).values
    else:
        alike = batch.having({"image": batch["image"][:1].expand(ROWS, -1, -1, -1)})
        varied = augmented(name, example(name), alike)["image"].flatten(1)
    assert len(varied.unique(dim=0)) > 1


@pytest.mark.parametrize("name", NAMES)
def test_the_given_batch_is_not_changed(name):
    batch = rows()
    augmented(name, example(name), batch)
    assert torch.equal(batch["image"], rows()["image"])
    assert torch.equal(batch["target"], rows()["target"])


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_images_keep_their_form_and_range(name, count):
    images = augmented(name, example(name), rows(count))["image"]
    assert images.shape == (count, 3, SIDE, SIDE)
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_zero_strength_changes_nothing(name):
    after = augmented(name, MILDEST[name], rows())
    assert torch.allclose(after["image"], rows()["image"], atol=1e-5)
    target = after["target"] if after["target"].dim() == 1 else after["target"].argmax(1)
    assert torch.equal(target, rows()["target"])


@pytest.mark.parametrize(("name", "field"), FIELDS, ids=str)
def test_every_setting_matters(name, field):
    plain = augmented(name, example(name), rows())["image"]
    settings = registry.load("augmentation", name).declaration.settings
    others = {key: value for key, value in example(name).items() if key != field}
    tried = [augmented(name, one.model_dump(), rows())["image"] for one in alternatives(settings, field, **others)]
    assert any(not torch.equal(plain, other) for other in tried)
