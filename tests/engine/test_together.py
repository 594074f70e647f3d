"""Several runs at once: each comes to what it comes to alone from its own seed, in its own order, with its own draws."""

import functools

import pytest
import torch

from thalweg.data.dataset import Dataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.engine._several import Several, together
from thalweg.engine._together import Together
from thalweg.rules._rule import Context
from thalweg.training.loop import Progress, learn
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own, Stage, build_stage

STEPS = 50
SEEDS = (3, 5, 8)
NETS = {
    "two hidden layers, photos moved": {"source": "digits", "model": {"name": "mlp", "hidden": [16, 8]}},
    "dropout": {"model": {"name": "mlp", "hidden": [16], "dropout": 0.3}},
    "no hidden layer": {"model": {"name": "mlp", "hidden": []}},
    "clipped": {"rule": {"clip": 0.05}},
    "momentum": {"rule": {"optimizer": "momentum", "rate": 0.01}},
    "penalties": {"rule": {"l1": 0.001, "l2": 0.01}},
    "numbers to predict": {"source": "diabetes"},
}


@functools.cache
def encoded(source: str) -> Dataset:
    return encode(read(source, DataSettings()), DataSettings(), seed=0)


def stages(changed=None, seeds=SEEDS) -> list[Stage]:
    """A stage for each seed, on the same rows."""
    changed = changed or {}
    rule = {"batch_size": 32, "steps": STEPS, **changed.get("rule", {})}
    settings = run_settings({"source": "iris", "model": {"name": "mlp", "hidden": [16]}, **changed, "rule": rule})
    dataset = encoded(settings.source)
    return [build_stage(settings.model_copy(update={"seed": seed}), 0, dataset, Own(), Context()) for seed in seeds]


def alone(stage: Stage) -> Stage:
    learn(stage.rule, stage.batches, stage.progress, [])
    return stage


def program_of(some: list[Stage]) -> tuple[Several, Together | None]:
    found = together([one.rule for one in some], [one.progress.position.seed for one in some], [one.batches for one in some])
    assert found is not None
    return found[0], Together.of(*found)


@pytest.mark.parametrize("net", NETS)
def test_each_comes_to_what_it_comes_to_alone(net):
    torch.set_num_threads(1)
    some, same = stages(NETS[net]), stages(NETS[net])
    several, program = program_of(some)
    assert program is not None
    progress = Progress(some[0].progress.position, some[0].progress.length)
    learn(several, program.batches, progress, [], program)
    assert program.taken == STEPS
    for one, other in zip(some, map(alone, same), strict=True):
        for name, weight in other.rule.model.state_dict().items():
            torch.testing.assert_close(one.rule.model.state_dict()[name], weight, rtol=1e-4, atol=1e-4)


UNFIT = {
    "statistics of the batch": {"model": {"name": "mlp", "normalisation": "batch"}},
    "an optimizer that looks at whole matrices": {"rule": {"optimizer": "muon"}},
    "an average beside the weights": {"rule": {"average": 0.9}},
    "several parts of a batch": {"rule": {"accumulate": 2}},
    "a layer that cannot be folded": {"source": "digits", "model": {"name": "convnet"}},
}


@pytest.mark.parametrize("reason", UNFIT)
def test_what_is_more_than_dense_layers_is_left_to_the_rules(reason):
    assert program_of(stages(UNFIT[reason], seeds=(3, 5)))[1] is None


def test_a_step_that_is_not_finite_is_left_to_the_rules():
    some = stages()
    several, program = program_of(some)
    at = some[0].progress.position
    assert program.take(at, 5).count == 5
    before = [one.rule.model.head.bias.detach().clone() for one in some]
    at = at.advanced(program.batches.length, 5)
    with torch.no_grad():
        some[1].rule.model.head.bias[0] = torch.inf
    program.forget()
    assert program.take(at, 5).count == 0
    report = several.step(program.batches.at(at), at)
    assert not torch.isfinite(report["loss"])
    assert [bool(one["finite"]) for one in several.reports] == [True, False, True]
    assert torch.equal(some[1].rule.model.head.bias[1:], before[1][1:])
    assert not torch.equal(some[0].rule.model.head.bias, before[0])
