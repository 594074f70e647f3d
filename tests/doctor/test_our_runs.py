"""Runs of ours write a trace by the way: it changes no bit, is the same after a resume, and says what is wrong."""

import json

import numpy as np
import pytest
import torch
from torch import nn

import thalweg as tw
from tests.training.resuming import StopAt, fitted
from thalweg.core.run_folder import RunFolder
from thalweg.training.interruption import Interrupted
from thalweg.training.stage import Own

SETTINGS = {
    "source": "iris",
    "model": {"name": "tabular", "settings": {"trees": 0}},
    "rule": {"name": "backpropagation", "steps": 30},
}


class Deep(nn.Module):
    """A net for the four lengths of iris."""

    def __init__(self, *, activation=nn.ReLU, depth=2, end=(), bias=None):
        super().__init__()
        torch.manual_seed(0)
        layers = [layer for i in range(depth) for layer in (nn.Linear(4 if not i else 32, 32), activation())]
        self.layers = nn.Sequential(*layers, nn.Linear(32, 3), *end)
        if bias is not None:
            nn.init.constant_(self.layers[2].bias, bias)

    def forward(self, x):
        return self.layers(x)


def lines(run):
    return [json.loads(one) for one in run.folder.trace.read_text().splitlines()]


def found(path):
    return [one for one in tw.doctor(path)["findings"] if "name" in one]


def test_a_trace_changes_no_bit_of_weights_or_metrics(tmp_path):
    with_it, without = fitted(SETTINGS, tmp_path / "a"), fitted({**SETTINGS, "doctor": False}, tmp_path / "b")
    weights = [one.package.model.state_dict() for one in (with_it, without)]
    assert all(torch.equal(one, weights[1][name]) for name, one in weights[0].items())
    assert with_it.folder.metrics.read_bytes() == without.folder.metrics.read_bytes()
    assert not without.folder.trace.exists()
    assert [one["step"] for one in lines(with_it) if one["kind"] == "sample"] == [0, 1, 2, 4, 8, 16]


@pytest.mark.parametrize("cut", [1, 4, 5, 16, 17, 29, 30])
def test_a_resumed_run_writes_the_same_trace(tmp_path, cut):
    whole = fitted(SETTINGS, tmp_path / "whole")
    with pytest.raises(Interrupted):
        fitted(SETTINGS, tmp_path / "cut", listeners={"stop": StopAt(cut)})
    resumed = fitted(SETTINGS, tmp_path / "cut", resume=True)
    assert resumed.folder.trace.read_bytes() == whole.folder.trace.read_bytes()


def test_a_resumed_run_of_a_net_of_ones_own_remembers_which_units_were_zero(tmp_path):
    settings = {"source": "iris", "rule": {"name": "backpropagation", "steps": 30}}
    whole = fitted(settings, tmp_path / "whole", own=Own(model=Deep(bias=-50.0)))
    with pytest.raises(Interrupted):
        fitted(settings, tmp_path / "cut", own=Own(model=Deep(bias=-50.0)), listeners={"stop": StopAt(6)})
    resumed = fitted(settings, tmp_path / "cut", own=Own(model=Deep(bias=-50.0)), resume=True)
    assert resumed.folder.trace.read_bytes() == whole.folder.trace.read_bytes()
    assert [one["name"] for one in found(whole.folder.path)] == ["dead-relu"]


def test_a_run_whose_trace_was_deleted_goes_on(tmp_path):
    with pytest.raises(Interrupted):
        fitted(SETTINGS, tmp_path / "run", listeners={"stop": StopAt(10)})
    RunFolder(tmp_path / "run").trace.unlink()
    assert fitted(SETTINGS, tmp_path / "run", resume=True).steps == 30


def test_a_sound_run_is_left_alone(tmp_path):
    run = tw.train("iris", out=tmp_path / "run", compare=False, epochs=40)
    assert found(run.path) == []
    assert "What may be wrong with the training" not in run.path.joinpath("report.html").read_text()


def test_a_model_of_ones_own_that_ends_in_softmax_is_told_at_once_in_the_report_and_by_the_doctor(tmp_path, talk):
    run = tw.train("iris", model=Deep(end=[nn.Softmax(1)]), out=tmp_path / "run", compare=False, epochs=10, talk=talk)
    assert [one["name"] for one in found(run.path)] == ["double-softmax"]
    assert [one for one in talk.warned if "drop the last activation" in one] == talk.warned
    assert not [label for label, _ in talk.said if label == "doctor"], "what was said at once is said again"
    assert "What may be wrong with the training" in run.path.joinpath("report.html").read_text()


def test_a_rate_that_is_too_low_is_told_with_the_flag_that_changes_it(tmp_path):
    run = tw.train("iris", model=Deep(), out=tmp_path / "run", compare=False, epochs=40, lr=1e-7)
    (one,) = found(run.path)
    assert one["name"] == "rate-too-low"
    assert "--lr" in one["fix"]


def exploding(loss, steps=30):
    """A loss that becomes a million times as steep after so many calls."""

    def steep(output, target):
        steep.calls += 1
        return loss(output, target) * (1e6 if steep.calls > steps else 1.0)

    steep.calls = 0
    return steep


def per_example(output, target):
    return nn.functional.cross_entropy(output, target, reduction="none")


def test_num_07_gradients_that_explode_are_told_with_the_norms_before(tmp_path):
    run = tw.train("iris", model=Deep(), loss=exploding(per_example), out=tmp_path / "run", compare=False, epochs=20, lr=1e-4)
    named = {one["name"]: one for one in found(run.path)}
    assert "exploding-gradients" in named
    assert "at step 0" in named["exploding-gradients"]["what"] or "at step 16" in named["exploding-gradients"]["what"]
    assert "--set rule.clip=1" in named["exploding-gradients"]["fix"]


def test_num_08_units_that_are_dead_and_slopes_that_are_zero_are_told_by_layer(tmp_path):
    dead = tw.train("iris", model=Deep(bias=-50.0), out=tmp_path / "dead", compare=False, epochs=20)
    (one,) = found(dead.path)
    assert one["name"] == "dead-relu"
    assert "layers.4" in one["where"]
    flat = tw.train("iris", model=Deep(activation=Rounded), out=tmp_path / "flat", compare=False, epochs=20)
    named = {one["name"]: one for one in found(flat.path)}
    assert "layers.0" in named["vanishing-gradients"]["where"]


class Rounded(nn.Module):
    """A step function: no slope passes."""

    def forward(self, x):
        return torch.round(x) + 0 * x


def test_num_09_a_loss_that_stays_at_chance_is_told_with_what_to_try(tmp_path):
    generator = np.random.default_rng(0)
    inputs, target = generator.normal(size=(400, 4)), generator.integers(0, 3, 400)
    one = nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 3))
    run = tw.train((inputs, target), task="classification", model=one, out=tmp_path / "run", compare=False, steps=300)
    assert {"loss-not-falling", "shuffled-labels", "net-too-small"} & {one["name"] for one in found(run.path)}


def test_a_damaged_trace_is_named_and_the_rest_is_still_told(tmp_path):
    run = tw.train("iris", out=tmp_path / "run", compare=False, epochs=2)
    run.folder.trace.write_text('{"stage": 0, "kind": "sample", "step": "none"}\n')
    (one,) = [one for one in tw.doctor(run.path)["findings"] if "code" in one]
    assert one["code"] == "TRACE_DAMAGED"
    assert "trace.jsonl" in one["where"]


def test_own_code_that_cannot_be_called_twice_ends_the_looking_and_not_the_run(tmp_path):
    class Once(Deep):
        def forward(self, x):
            if self.layers[0]._forward_pre_hooks and not self._forward_pre_hooks:  # no rehearsal, which watches all modules
                raise RuntimeError("watched")
            return super().forward(x)

    run = tw.train("iris", model=Once(), out=tmp_path / "run", compare=False, epochs=10)
    assert all(not one.get("layers") for one in lines(run) if one["kind"] == "sample")
    assert "doctor   steps are not looked into any more: RuntimeError: watched" in run.folder.log.read_text()
    assert tw.doctor(run.path)["facts"]["looked at"] == "10 evaluations, 0 steps from within"
    assert not [one for module in run.package.model.modules() for one in module._forward_pre_hooks]


class Growing(Deep):
    """A net that counts its calls in Python and answers by that."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * (1 + self.calls / 100)


def test_what_a_net_of_ones_own_counts_in_python_is_not_changed_by_a_look(tmp_path):
    settings = {"source": "iris", "rule": {"name": "backpropagation", "steps": 30}}
    runs = [fitted({**settings, "doctor": one}, tmp_path / str(one), own=Own(model=Growing())) for one in (True, False)]
    weights = [one.package.model.state_dict() for one in runs]
    assert all(torch.equal(one, weights[1][name]) for name, one in weights[0].items())
