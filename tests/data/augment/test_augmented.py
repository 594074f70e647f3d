"""From what a user writes to augmentations."""

import pytest
import torch

from tests.data.augment.fields import category, classified, vector
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.augmented import build_augment
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encodings

AT = Position(seed=7)


def test_names_and_names_with_settings_are_understood():
    built = build_augment(["flip", {"shift": {"pixels": 2}}, {"erase": None}, {"cutout": {"blot": "mean"}}], classified())
    settings = [one.augment.settings for one in built]
    assert settings[0].probability == 0.5
    assert settings[1].pixels == 2
    assert settings[2].pixels == 8
    assert (settings[3].pixels, settings[3].blot) == (16, "mean")


def test_a_function_of_one_s_own_is_taken_and_has_its_own_position():
    seen = []
    build_augment(["flip", lambda batch, at: seen.append(at) or batch], classified())[1](
        Batch.of({"image": torch.zeros(1)}), AT
    )
    assert seen == [AT.inside("augment 1")]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("flop", 'did you mean "flip"'),
        ({"shift": {"pixel": 1}}, 'unknown setting "pixel"'),
        ({"shift": {"pixels": -1}}, "pixels"),
        ({"flip": {}, "shift": {}}, "an augmentation is a name"),
        ({"flip": 0.5}, "an augmentation is a name"),
        (3, "an augmentation is a name"),
    ],
    ids=str,
)
def test_what_is_not_understood_is_refused(given, message):
    with pytest.raises(UsageRefusal, match=message):
        build_augment([given], classified())


def test_data_without_images_are_refused_with_the_kinds_that_there_are():
    with pytest.raises(UsageRefusal, match="acts on image inputs; the data has vector"):
        build_augment(["flip"], Encodings([vector(), category()]))


def test_the_same_augmentation_twice_draws_differently():
    first, second = build_augment(["flip", "flip"], classified())
    batch = Batch.of({"image": torch.rand(64, 3, 8, 8)})
    assert not torch.equal(first(batch, AT)["image"], second(batch, AT)["image"])
    assert torch.equal(first(batch, AT)["image"], first(batch, AT)["image"])
