"""What photos get where nobody says: a size that there is time for, mirror images and cut-outs; scans and digits do not."""

import numpy as np
import pytest

from thalweg.core.talk import Talk
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.rules._rule import Context
from thalweg.training.requested import run_settings
from thalweg.training.settings import StoppingSettings
from thalweg.training.stage import Own, build_stage
from thalweg.training.telling import few_to_choose, tell_model


class Heard(Talk):
    """What a run says."""

    def __init__(self) -> None:
        self.lines = []

    def say(self, label, *lines) -> None:
        self.lines += lines


def stage(shape, target, **settings):
    pictures = np.random.default_rng(0).integers(0, 255, (len(target), *shape)).astype(np.uint8)
    asked = run_settings({**settings, "model": {"name": "convnet", "widths": [4]}})
    raw = read({"image": pictures, "target": target}, asked.data)
    return build_stage(asked, 0, encode(raw, asked.data, seed=0), Own(), Context())


CLASSES = np.array(["ant", "bee"])[np.arange(20) % 2]


def test_photos_of_classes_are_seen_mirrored_and_cut_and_that_is_said():
    made, talk = stage((64, 80, 3), CLASSES), Heard()
    assert [placed.augment.declaration.name for placed in made.batches.augment] == ["flip", "resized-crop"]
    tell_model(talk, made, Context())
    assert any("flip, resized-crop" in line and "--augment none" in line for line in talk.lines)


@pytest.mark.parametrize(
    ("shape", "target", "settings"),
    [
        ((32, 32, 3), CLASSES, {}),
        ((64, 64), CLASSES, {}),
        ((64, 64, 3), np.linspace(0, 1, 20), {}),
        ((64, 64, 3), CLASSES, {"augment": "none"}),
    ],
    ids=["small", "grey", "numbers", "unwanted"],
)
def test_pictures_that_a_flip_may_change_are_left_as_they_are(shape, target, settings):
    made = stage(shape, target, **settings)
    assert not made.batches.augment
    assert "augment" not in made.reasons


def test_large_photos_become_no_larger_than_a_net_has_time_for():
    assert stage((150, 300, 3), CLASSES).task.ports.inputs[0].shape == (3, 128, 128)


def test_that_so_few_validation_rows_tell_no_epoch_is_said():
    few, enough = stage((8, 8, 1), CLASSES), stage((8, 8, 1), np.tile(CLASSES, 6))
    said = few_to_choose(few, StoppingSettings())
    assert said.startswith("2 validation rows tell little of which weights are best")
    assert "--set stopping.keep=last" in said
    assert few_to_choose(few, StoppingSettings(keep="last")) == few_to_choose(enough, StoppingSettings()) == ""
