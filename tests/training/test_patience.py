"""A model's patience: after which share of the evaluations learning ends where the user does not say how long."""

import math

import numpy as np
import pytest

from thalweg.core.position import Position
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.settings import DataSettings
from thalweg.tasks.classification import Classification, ClassificationSettings
from thalweg.training.listeners import Evaluation
from thalweg.training.loop import Progress
from thalweg.training.requested import run_settings
from thalweg.training.settings import StoppingSettings
from thalweg.training.stage import _says_how_long

TABLE = Examples("table", {"x": np.arange(30.0) % 7, "y": ["a", "b"] * 15})


def evaluation(patience, *, asked=None, every=None):
    task = Classification(encode(TABLE, DataSettings(target="y"), seed=0).encodings, ClassificationSettings())
    stopping = StoppingSettings(patience=asked, metric="log-loss")
    return Evaluation(task, [], stopping, every=every, record=lambda line: None, patience=patience)


def progress(total, length):
    return Progress(Position(seed=0, total=total), length)


@pytest.mark.parametrize(
    ("every", "total", "length", "wanted"),
    [(None, 60, 3, 5), (None, 63, 3, 6), (None, 1200, 1, 15), (None, 6000, None, 15), (10, 200, 3, 5), (None, 36, 3, 5)],
)
def test_it_is_a_share_of_the_evaluations_of_the_stage(every, total, length, wanted):
    assert evaluation(0.25, every=every)._patience(progress(total, length)) == wanted


def test_what_the_user_asks_comes_first_and_without_either_there_is_no_end():
    assert evaluation(0.25, asked=2)._patience(progress(60, 3)) == 2
    assert evaluation(None)._patience(progress(60, 3)) == math.inf


def test_learning_ends_when_evaluations_have_not_improved_for_so_long():
    watch, values = evaluation(0.25), [0.9, 0.5, 0.6, 0.7, 0.6, 0.55, 0.8]
    now = progress(60, 3)
    ended = []
    for epoch, value in enumerate(values):
        watch._judge(value, 3 * epoch, epoch, rule=Shipping())
        ended.append(watch.waited >= watch._patience(now))
    assert ended == [False] * 6 + [True]


class Shipping:
    """Ships nothing."""

    class shipped:  # noqa: N801 - stands for an attribute
        state_dict = staticmethod(dict)


@pytest.mark.parametrize(
    ("asked", "says"),
    [({}, False), ({"rule": {"epochs": 3}}, True), ({"rule": {"steps": 3}}, True), ({"time_limit": 60}, True)],
)
def test_it_holds_where_the_user_does_not_say_how_long(asked, says):
    assert _says_how_long(run_settings(asked), {}) is says
    assert _says_how_long(run_settings(asked), {"epochs": 2})
