"""What may be said of the test part: whether its examples stand in the training part too."""

import numpy as np
import pytest

from tests.evaluation.arrays import classes, dataset_of
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.evaluation.seen import seen


def test_examples_of_their_own_are_not_seen():
    assert seen(classes()) == "none"


def test_patterns_that_every_part_holds_are_all_seen():
    settings = DataSettings()
    assert seen(encode(read("patterns", settings), settings, seed=0)) == "all"


def test_the_four_cases_that_every_part_holds_are_all_seen():
    assert seen(read("xor", DataSettings())) == "all"


def test_rows_that_stand_in_the_table_twice_are_seen_in_part():
    once = np.arange(60.0)
    twice = np.concatenate([once, once, 1000 + np.arange(200.0)])
    assert seen(dataset_of({"a": twice, "target": np.where(np.arange(320) % 2, "odd", "even")})) in ("some", "all")


@pytest.mark.parametrize("name", ["two-moons", "cartpole", "reversed-strings"])
def test_what_is_drawn_anew_is_not_all_seen(name):
    assert seen(read(name, DataSettings())) in ("none", "some")
