"""Steps of a map by its program: the same codes as by the rule, however they are cut into calls."""

import numpy as np
import pytest
import torch

from tests.training.resuming import fitted
from thalweg.core.position import Position
from thalweg.engine.map_steps import MapSteps
from thalweg.models.self_organising_map import Map, MapSettings
from thalweg.rules._rule import Context
from thalweg.rules.competitive import Competitive, CompetitiveSettings
from thalweg.training.loop import Progress, learn

EPOCHS = 6


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    settings = {"source": "iris", "model": {"name": "map", "rows": 4, "columns": 6}, "rule": {"epochs": EPOCHS}}
    return fitted(settings, tmp_path_factory.mktemp("map") / "run")


def begun(trained, size):
    """A rule that is about to learn, and its batches, finished ahead."""
    task = trained.package.task
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Map(task.ports, MapSettings(rows=4, columns=6))
    rule = Competitive(task, model, CompetitiveSettings(epochs=EPOCHS, batch_size=size), Context())
    batches = rule.batches(trained.dataset)
    assert batches.finish_ahead(1 << 30)
    rule.begin(batches, Position(total=rule.steps(batches)))
    return rule, batches


def codes_and_losses(rule, batches, program=None, most=None):
    progress = Progress(Position(total=rule.steps(batches)), batches.length)
    losses = []
    hear = [lambda progress, rule: losses.extend(progress.losses)]
    while most and not progress.stop:
        assert progress.take(program, min(most, progress.position.total - progress.position.step))
        losses.extend(progress.losses)
    learn(rule, batches, progress, hear, program)
    return rule.map.codes.detach().clone(), torch.tensor(losses)


@pytest.mark.parametrize("size", [256, 17, 1])
def test_codes_and_losses_are_those_of_the_rule(trained, size):
    expected = codes_and_losses(*begun(trained, size))
    rule, batches = begun(trained, size)
    found = codes_and_losses(rule, batches, MapSteps.of(rule, batches))
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [256, 17])
def test_how_steps_are_cut_into_calls_changes_no_bit(trained, size):
    several = []
    for most in (1, 3, 1000):
        rule, batches = begun(trained, size)
        several.append(codes_and_losses(rule, batches, MapSteps.of(rule, batches), most))
    assert all(torch.equal(codes, several[0][0]) and torch.equal(losses, several[0][1]) for codes, losses in several)


def test_what_is_not_finite_is_left_to_the_rule(trained):
    rule, batches = begun(trained, 256)
    program = MapSteps.of(rule, batches)
    with torch.no_grad():
        rule.map.codes[0, 0] = torch.nan
    before = rule.map.codes.detach().clone()
    assert program.take(Position(total=EPOCHS), 3).count == 0
    assert np.array_equal(rule.map.codes.detach(), before, equal_nan=True)


def test_rows_that_are_not_finished_ahead_are_left_to_the_rule(trained):
    rule, _ = begun(trained, 256)
    assert MapSteps.of(rule, rule.batches(trained.dataset)) is None


def test_a_run_that_may_choose_takes_it_and_says_so(tmp_path):
    settings = {"source": "iris", "model": {"name": "map", "rows": 4, "columns": 4}, "rule": {"epochs": 20}}
    plain = fitted({**settings, "speed": "plain"}, tmp_path / "plain").package.model.codes
    fast = fitted({**settings, "speed": "probe"}, tmp_path / "fast")
    assert "map-steps" in (tmp_path / "fast" / "settings.yaml").read_text(encoding="utf-8")
    torch.testing.assert_close(fast.package.model.codes, plain, rtol=1e-3, atol=1e-3)
