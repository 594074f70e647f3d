"""Temporal differences: an agent that acts, remembers and learns to balance a pole; resumed, it plays the same."""

import math

import pytest
import torch
from torch import nn

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.data.batch import Batch
from thalweg.data.replay import Replay, ReplaySettings
from thalweg.data.sources.cartpole import CartPole, CartPoleSettings
from thalweg.rules._rule import Context
from thalweg.rules.temporal_difference import TemporalDifference, TemporalDifferenceSettings
from thalweg.tasks._task import measured
from thalweg.tasks.control import Control, ControlSettings
from thalweg.training.requested import run_settings

SHORT = {
    "source": "cartpole",
    "source_settings": {"limit": 20},
    "model": {"name": "q-network", "hidden": [8]},
    "rule": {"steps": 9, "batch_size": 4, "every": 3, "warmup": 12, "memory": 24, "actors": 4, "sync": 4},
}


class Fixed(nn.Module):
    """Values of actions that do not depend on what is seen."""

    def __init__(self, *values: float) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor(values))

    def forward(self, observation):
        return self.values.expand(len(observation), -1)


def rule_of(model: nn.Module, **given) -> TemporalDifference:
    world = CartPole(CartPoleSettings(limit=20))
    task = Control(world.encodings, ControlSettings())
    task.adopt(world)
    task.bind(model)
    return TemporalDifference(task, model, TemporalDifferenceSettings(**given), Context())


def transition(reward: float, ended: bool) -> Batch:
    seen = torch.zeros(1, 4)
    fields = {"observation": seen, "next": seen, "action": torch.tensor([0])}
    return Batch.of(fields | {"reward": torch.tensor([reward]), "ended": torch.tensor([ended])})


def test_an_upright_pole_pushed_right_moves_as_the_equations_say():
    world = CartPole(CartPoleSettings())
    moved, reward, ended = world.move(torch.zeros(1, 4, dtype=torch.float64), torch.tensor([1]))
    push = 10 / 1.1
    turn = -push / (0.5 * (4 / 3 - 0.1 / 1.1))
    expected = [0, 0.02 * (push - 0.05 * turn / 1.1), 0, 0.02 * turn]
    torch.testing.assert_close(moved[0], torch.tensor(expected, dtype=torch.float64))
    assert (float(reward), bool(ended)) == (1.0, False)


@pytest.mark.parametrize("state", [(2.41, 0, 0, 0), (0, 0, math.radians(12.1), 0), (-2.41, 0, 0, 0)])
def test_an_episode_ends_off_the_track_or_beyond_twelve_degrees(state):
    _, _, ended = CartPole(CartPoleSettings()).move(torch.tensor([state]), torch.tensor([0]))
    assert bool(ended)


def test_a_double_estimate_lets_the_net_choose_and_the_target_net_value():
    rule = rule_of(Fixed(1.0, 2.0), discount=0.5, double=True)
    rule.target.load_state_dict({"values": torch.tensor([30.0, 10.0])})
    value = rule.prepare(transition(3.0, ended=False), Position(step=1, total=10))["value"]
    assert float(value) == 3.0 + 0.5 * 10.0
    single = rule_of(Fixed(1.0, 2.0), discount=0.5, double=False)
    single.target.load_state_dict({"values": torch.tensor([30.0, 10.0])})
    assert float(single.prepare(transition(3.0, ended=False), Position(step=1, total=10))["value"]) == 3.0 + 0.5 * 30.0


def test_nothing_comes_after_the_end_of_an_episode():
    rule = rule_of(Fixed(1.0, 2.0))
    assert float(rule.prepare(transition(3.0, ended=True), Position(step=1, total=10))["value"]) == 3.0


def test_chance_acts_less_and_less():
    rule = rule_of(Fixed(0.0, 1.0), boldest=1.0, boldness=0.1, exploring=0.5)
    chances = [rule.chance(Position(step=step, total=100)) for step in (0, 25, 50, 99)]
    assert chances == pytest.approx([1.0, 0.55, 0.1, 0.1])
    drawn = rule.act(torch.zeros(4000, 4), Position(step=25, total=100))
    assert float((drawn == 0).double().mean()) == pytest.approx(0.55 / 2, abs=0.03)


def test_the_oldest_moves_are_forgotten_and_a_cut_off_episode_did_not_end():
    world, settings = CartPole(CartPoleSettings(limit=3)), ReplaySettings(actors=2, memory=4, warmup=1, batch_size=4)
    replay = Replay(world, lambda seen, at: torch.arange(len(seen)), settings, processes=Processes())
    for step in range(3):
        replay.at(Position(step=step, total=3))
    assert replay.count == 8  # one move of both actors for the warm-up, then one at each step
    assert len(replay.memory["reward"]) == 4
    assert not replay.memory["ended"].any()
    assert (replay.age == 1).all()  # cut off after three moves, and begun anew


def test_epochs_are_refused_by_name():
    with pytest.raises(UsageRefusal, match="epochs"):
        run_settings({"source": "cartpole", "rule": {"name": "temporal-difference", "epochs": 3}})


def test_a_rule_that_does_not_act_is_refused_in_an_environment(tmp_path):
    with pytest.raises(UsageRefusal, match="only a world to act in"):
        fitted({"source": "cartpole", "rule": "backpropagation"}, tmp_path / "run")


@pytest.mark.slow
def test_the_pole_stays_up_for_195_of_200_steps(tmp_path):
    run = fitted({"source": "cartpole", "rule": {"steps": 1200}}, tmp_path / "run")
    found = measured(run.package.task, run.package.model, run.dataset.batches("test", size=64), at=Position())
    assert found["mean-return"] >= 195


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_plays_the_same_elsewhere(tmp_path):
    whole = assert_resumes_to_the_same_bits(SHORT, tmp_path, cuts=(0, 1, 3, 5, 8))
    said = assert_new_process_predicts_the_same(whole, whole.folder.model, request={"episodes": 4})
    assert said["return"].shape == said["length"].shape == (4,)
    chosen = assert_new_process_predicts_the_same(whole, whole.folder.model, {"observation": [[0.0, 0.1, 0.0, -0.1]]})
    assert chosen["action"][0] in ("left", "right")
