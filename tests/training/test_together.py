"""Runs that learn at once end as they would alone: weights, history, best epoch, early end; and a signal stops them all."""

import signal

import pytest
import torch

from tests.training.resuming import StopAt
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.training import together
from thalweg.training.fit import Fitted, fit, taught
from thalweg.training.interruption import Interrupted
from thalweg.training.requested import run_settings

SEEDS = (1, 2, 3)
SETTINGS = {
    "source": "iris",
    "model": {"name": "mlp", "hidden": [8]},
    "rule": {"batch_size": 16, "epochs": 15, "rate": 0.01},
    "stopping": {"patience": 3},
    "threads": 1,
}


@pytest.fixture(autouse=True)
def always_at_once(monkeypatch):
    """However short they are, and whatever the clock says."""
    monkeypatch.setattr(together, "WORTH", 0.0)
    monkeypatch.setattr(together, "GAIN", 0.0)


class Said(Talk):
    def __init__(self):
        self.lines = []

    def say(self, label, *lines):
        self.lines += lines


def runs_in(folder, settings=SETTINGS, *, stop=None, resume=False):
    found = []
    for seed in SEEDS:
        made = RunFolder.create(folder / str(seed), resume=resume)
        own = run_settings({**settings, "seed": seed})
        listeners = {"stop": StopAt(stop)} if stop is not None and seed == SEEDS[0] else None
        asked = {"given": None, "own": None, "talk": None, "examine": None}
        found.append(taught(own, folder=made, resume=resume, listeners=listeners, **asked))
    return found


def led(folder, settings=SETTINGS, **how) -> tuple[list[Fitted], list[str]]:
    said = Said()
    return together.lead(runs_in(folder, settings, **how), said, may_join=True), said.lines


def weights(run: Fitted) -> torch.Tensor:
    return torch.cat([one.detach().flatten() for one in run.package.model.parameters()])


@pytest.mark.parametrize("dropout", [0.0, 0.1])  # steps by hand, and by the folded net
def test_each_ends_as_it_would_alone(tmp_path, dropout):
    torch.set_num_threads(1)
    settings = {**SETTINGS, "model": {"name": "mlp", "hidden": [8], "dropout": dropout}}
    at_once, said = led(tmp_path / "together", settings)
    assert said[0].startswith("3 trainings learn at once")
    for seed, run in zip(SEEDS, at_once, strict=True):
        alone = fit(run_settings({**settings, "seed": seed}), folder=RunFolder.create(tmp_path / f"alone {seed}"))
        torch.testing.assert_close(weights(run), weights(alone), rtol=1e-4, atol=1e-4)
        assert [line["step"] for line in run.history] == [line["step"] for line in alone.history]
        assert [line["loss"] for line in run.history] == pytest.approx([line["loss"] for line in alone.history], rel=1e-3)
        assert (run.steps, run.stopped) == (alone.steps, alone.stopped)
    assert len({run.steps for run in at_once}) > 1, "they end at different steps"


def test_a_signal_stops_all_and_they_go_on_at_once(tmp_path):
    torch.set_num_threads(1)
    whole, _ = led(tmp_path / "whole")
    with pytest.raises(Interrupted):
        led(tmp_path / "cut", stop=20)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    steps = [RunFolder(tmp_path / "cut" / str(seed)).steps()[0] for seed in SEEDS]
    assert len(set(steps)) == 1
    resumed, said = led(tmp_path / "cut", resume=True)
    assert said[0].startswith("3 trainings learn at once")
    for one, other in zip(resumed, whole, strict=True):
        assert torch.equal(weights(one), weights(other))


def test_nets_that_cannot_be_folded_learn_one_after_another(tmp_path):
    torch.set_num_threads(1)
    settings = {**SETTINGS, "model": {"name": "mlp", "hidden": [8], "normalisation": "batch"}}
    found, said = led(tmp_path, settings)
    assert said == []
    assert all(run.steps for run in found)
