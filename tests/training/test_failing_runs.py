"""Runs that cannot go well: told by step and line with the exit code of a failed training, and nothing saved is lost."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.packages.trained import Heard, table
from tests.refusing import assert_well_said, expect_refusal
from tests.training.resuming import fitted
from thalweg.core.errors import TrainingRefusal
from thalweg.core.files import write_folder
from thalweg.core.run_folder import CHECKPOINT_FORMAT, RunFolder
from thalweg.core.tensors import tree_from_folder, tree_to_files
from thalweg.data.batches import Batches
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.tasks._task import Losses
from thalweg.tasks.classification import Classification, ClassificationSettings
from thalweg.training import checkpoints
from thalweg.training.listeners import Evaluation
from thalweg.training.settings import StoppingSettings
from thalweg.training.stage import Own

SGD = {"optimizer": "sgd", "steps": 12, "batch_size": 16, "schedule": "constant"}
TARGET = {"data": {"target": "kind"}}


def settings(*, model=None, **rule):
    return {**TARGET, "model": {"name": "mlp", "hidden": [8], **(model or {})}, "rule": {**SGD, **rule}}


class Grows(torch.autograd.Function):
    """Is the identity; its gradient is so large that it overflows float16 and, a little later, float32."""

    @staticmethod
    def forward(context, x):
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient * 1e38


def overflowing(output, target):
    return nn.functional.cross_entropy(Grows.apply(output), target, reduction="none") * 1e6


class OwnNet(nn.Module):
    """A net over the two numbers; `forward` may be told to fail at a step."""

    def __init__(self, fails_at=10**9):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.fails_at = fails_at

    def forward(self, numbers, categories):
        if self.training:
            self.calls += 1
            if int(self.calls) == self.fails_at:
                raise RuntimeError("the sky is falling")
        return self.layer(numbers)


def test_num_01_a_rate_that_diverges_is_told_within_a_step_and_the_last_good_state_kept(tmp_path):
    steps = Steps()
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as caught:
        fitted(settings(rate=1e6), tmp_path / "run", given=regression(), listeners={"steps": steps})
    refusal = caught.value
    assert steps.finite.count(False) == 1
    assert not steps.finite[-1]
    assert f"at step {len(steps.finite)}" in refusal.what
    assert "layer " in refusal.where
    assert "examples " in refusal.where
    assert set(refusal.details["rows"]) <= set(range(120))
    assert "the learning rate is too high" in refusal.why
    assert "--lr 100000 or less; it was 1e+06" in refusal.fix
    kept = checkpoints.read(RunFolder(tmp_path / "run").newest_checkpoint().folder)
    assert kept.position.step == len(steps.finite)
    assert all(torch.isfinite(one).all() for one in kept.state["rule"]["model"].values())


class Steps:
    """Keeps whether each step was finite."""

    def __init__(self):
        self.finite = []

    def __call__(self, progress, rule):
        self.finite.append(bool(progress.report["finite"]))

    def due(self, progress):
        return progress.position.step + 1

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        """Nothing is remembered."""


def regression():
    """Values that a large rate drives apart."""
    drawn = np.random.default_rng(0).normal(size=(120, 3)) * 3
    return {"x0": drawn[:, 0], "x1": drawn[:, 1], "kind": drawn.sum(1)}


@pytest.mark.parametrize("rate", [1e20, float("nan"), float("inf"), 0, -1])
def test_num_01_a_rate_out_of_range_is_refused_before_training(tmp_path, rate):
    with expect_refusal("SETTING_INVALID", exit_code=2) as caught:
        fitted(settings(rate=rate), tmp_path / "run", given=table())
    assert "rate" in caught.value.what
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("kind", ["numbers", "image"])
def test_num_02_a_value_that_is_no_number_never_reaches_a_weight(tmp_path, kind):
    if kind == "numbers":
        data = table()
        data["width"][5] = np.nan  # a gap counts as the mean
        trained = fitted(settings(), tmp_path / "run", given=data)
    else:
        pixels = np.random.default_rng(0).random((60, 8, 8, 1))
        pixels[7, 3, 3] = np.nan
        data = {"picture": pixels, "kind": ["a", "b"] * 30}
        trained = fitted(settings(), tmp_path / "run", given=data)
        told = "1 of 60 left out, they cannot be read: row 7: NaN or infinity in its pixels"
        assert any(told in note for note in trained.dataset.notes)
    assert all(torch.isfinite(one).all() for one in trained.package.model.parameters())


def test_num_10_a_scale_that_keeps_overflowing_is_told_with_a_wider_precision(tmp_path):
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as caught:
        fitted(settings(steps=40) | {"precision": "float16"}, tmp_path / "run", given=table(), own=Own(loss=overflowing))
    assert "--precision bfloat16 or float32" in caught.value.fix
    assert "at step 20" in caught.value.what


class Root(nn.Module):
    """Two layers; from some step on, a root of zero stands between them, or its logarithm behind them."""

    def __init__(self, bad, *, after=4):
        super().__init__()
        self.first, self.last = nn.Linear(2, 4), nn.Linear(4, 2)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.bad, self.after = bad, after

    def forward(self, numbers, categories):
        self.calls += int(self.training)
        inner = self.first(numbers)
        spoilt = int(self.calls) > self.after
        if spoilt and self.bad == "slope":
            inner = inner + (0 * inner).sqrt()
        answer = self.last(inner)
        return answer + (0 * answer).log() if spoilt and self.bad == "answer" else answer


def test_num_04_an_operation_of_ones_own_that_is_not_finite_is_told_at_its_first_step(tmp_path):
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as caught:
        fitted(settings(), tmp_path / "run", given=table(), own=Own(model=Root("answer")))
    assert caught.value.details["step"] == 5
    assert "layer Root" in caught.value.where
    assert "logarithm or root" in caught.value.why


def test_num_05_a_slope_that_is_not_finite_is_laid_to_its_layer(tmp_path):
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as caught:
        fitted(settings(), tmp_path / "run", given=table(), own=Own(model=Root("slope")))
    assert caught.value.details["step"] == 5
    assert caught.value.what == "the slope is not finite, though the loss is, at step 5"
    assert "slope of layer first" in caught.value.where
    assert len(caught.value.details["rows"]) == 15


class Spoilt(Classification):
    """Chosen rows of the data have a loss that is not a number."""

    declaration = Classification.declaration
    rows = ()

    def objective(self, model, batch):
        losses = super().objective(model, batch)
        bad = torch.isin(batch.rows, torch.tensor(self.rows))
        return Losses(losses.loss.masked_fill(bad, torch.nan), losses.weight)


def test_num_04_one_bad_example_is_named_at_once_and_the_run_goes_on(tmp_path):
    heard, train = Heard(), trained_rows(tmp_path)
    task = type("SpoiltOnce", (Spoilt,), {"rows": (train[40],)})
    trained = fitted(settings(steps=5), tmp_path / "run", given=table(), own=Own(task=task), talk=heard)
    assert trained.steps == 5
    assert trained.history[-1]["loss"] is not None
    [said] = [text for text in heard.warned if "was not finite and changed nothing" in text]
    assert f"example {train[40]})" in said
    assert "the loss" in said


def trained_rows(path):
    """Numbers of the rows that the training part has."""
    return fitted(settings(steps=1), path / "before", given=table()).dataset.parts["train"].tolist()


class Poke:
    """Writes NaN into a weight between two steps."""

    def __init__(self, step):
        self.step = step

    def __call__(self, progress, rule):
        if progress.position.step == self.step:
            with torch.no_grad():
                next(rule.model.parameters())[0, 0] = torch.nan

    def due(self, progress):
        return progress.position.step + 1

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        """Nothing is remembered."""


def test_num_06_spoilt_weights_are_found_before_they_are_saved(tmp_path):
    with expect_refusal("CHECKPOINT_NOT_FINITE", exit_code=5) as caught:
        fitted(settings() | {"checkpoint_steps": 1}, tmp_path / "run", given=table(), listeners={"poke": Poke(3)})
    assert "after step 3" in caught.value.what
    newest = RunFolder(tmp_path / "run").newest_checkpoint()
    assert newest.folder.manifest.stamp["step"] == 2
    assert not newest.skipped


def test_num_06_spoilt_weights_are_found_at_the_next_step(tmp_path):
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as caught:
        fitted(settings(), tmp_path / "run", given=table(), listeners={"poke": Poke(3)})
    assert caught.value.details["step"] == 4
    assert caught.value.where.startswith("weights ")
    assert RunFolder(tmp_path / "run").newest_checkpoint().folder is None


def test_num_06_weights_spoilt_after_the_last_step_are_not_shipped(tmp_path):
    with expect_refusal("CHECKPOINT_NOT_FINITE", exit_code=5):
        fitted(settings() | {"stopping": {"keep": "last"}}, tmp_path / "run", given=table(), listeners={"poke": Poke(12)})
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.parametrize("own", [True, False], ids=["a model of the user's own", "a model of ours"])
def test_num_12_batches_of_one_row_and_batch_normalisation(tmp_path, own):
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)) if own else None
    data = {name: column for name, column in table().items() if name != "colour"}
    asked = settings(batch_size=1, model={"normalisation": "batch"})
    asked = {key: value for key, value in asked.items() if not (own and key == "model")}
    with expect_refusal("BATCH_OF_ONE", exit_code=2):
        fitted(asked, tmp_path / "run", given=data, own=Own(model=model))


def test_num_12_a_channel_that_never_changes_keeps_batch_normalisation_finite(tmp_path):
    data = table() | {"height": np.ones(120)}
    trained = fitted(settings(model={"normalisation": "batch"}), tmp_path / "run", given=data)
    assert all(torch.isfinite(one).all() for one in trained.package.model.state_dict().values() if one.is_floating_point())


@pytest.mark.parametrize("size", [7, 64, 100_000])
def test_num_13_every_row_is_seen_once_and_no_epoch_is_without_steps(size):
    dataset = encode(read(table()), DataSettings(target="kind"), seed=0)
    batches = dataset.batches("train", size=size)
    rows = [len(batch.rows) for batch in batches]
    assert batches.length == len(rows) >= 1
    assert sum(rows) == dataset.rows("train")
    assert max(rows) - min(rows) <= 1


def test_num_20_what_the_users_own_code_raises_is_told_by_line_and_step(tmp_path):
    with expect_refusal("TRAIN_PART_FAILED", exit_code=5) as caught:
        fitted(settings() | {"checkpoint_steps": 1}, tmp_path / "run", given=table(), own=Own(model=OwnNet(fails_at=6)))
    assert caught.value.what == "RuntimeError: the sky is falling"
    assert "test_failing_runs.py:" in caught.value.where
    assert "at step 6" in caught.value.where
    assert RunFolder(tmp_path / "run").newest_checkpoint().folder.manifest.stamp["step"] == 5


def test_num_20_a_run_goes_on_from_the_step_before_the_failure_once_it_is_mended(tmp_path):
    asked = settings() | {"checkpoint_steps": 1}
    first = OwnNet(fails_at=6)
    mended = copy.deepcopy(first)
    mended.fails_at = 10**9
    with pytest.raises(TrainingRefusal) as caught:
        fitted(asked, tmp_path / "run", given=table(), own=Own(model=first))
    assert_well_said(caught.value)
    resumed = fitted(asked, tmp_path / "run", given=table(), own=Own(model=mended), resume=True)
    torch.manual_seed(0)
    assert resumed.steps == 12
    assert int(resumed.package.model.calls) == 12


class Silent(nn.Module):
    """Answers NaN in evaluation until its fourth step."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, numbers, categories):
        if self.training:
            self.calls += 1
        answer = self.layer(numbers)
        return answer if self.training or int(self.calls) >= 4 else answer * float("nan")


def test_num_25_a_metric_that_is_undefined_is_never_the_best(tmp_path):
    asked = settings(steps=6) | {"evaluate_every": 1, "stopping": {"metric": "log-loss"}}
    trained = fitted(asked, tmp_path / "run", given=table(), own=Own(model=Silent()))
    values = [line["validation.log-loss"] for line in trained.history]
    assert values[:3] == [None, None, None]
    assert all(value is not None for value in values[3:])
    assert int(trained.package.model.calls) >= 4


@pytest.mark.parametrize("value", [float("nan"), None])
def test_num_25_a_value_that_is_no_number_is_never_the_best(value):
    task = Classification(encode(read(table()), DataSettings(target="kind"), seed=0).encodings, ClassificationSettings())
    evaluation = Evaluation(task, Batches, StoppingSettings(keep="last"), every=1, record=lambda line: None)
    for step, found in enumerate([value, 0.5, value, 0.75]):
        evaluation._judge(found, step, step, rule=None)
    assert evaluation.best == 0.75
    assert evaluation.best_at["step"] == 3


def test_evl_07_a_metric_that_does_not_exist_is_refused_with_the_nearest(tmp_path):
    with expect_refusal("METRIC_UNKNOWN", exit_code=2) as caught:
        fitted(settings() | {"stopping": {"metric": "acuracy"}}, tmp_path / "run", given=table())
    assert 'did you mean "accuracy"?' in caught.value.what


def test_evl_08_a_metric_of_another_task_is_refused_with_those_of_this_one(tmp_path):
    with expect_refusal("METRIC_NOT_OF_TASK", exit_code=2) as caught:
        fitted(settings() | {"stopping": {"metric": "rmse"}}, tmp_path / "run", given=table())
    assert "one of accuracy, log-loss" in caught.value.fix


@pytest.mark.parametrize("what", ["settings", "data"])
def test_pkg_25_resuming_with_other_settings_or_data_is_refused(tmp_path, what):
    interrupted(tmp_path / "run")
    other = settings(steps=9) if what == "settings" else settings()
    data = table() if what == "settings" else table() | {"width": np.zeros(120)}
    with expect_refusal("RESUME_CHANGED", exit_code=2) as caught:
        fitted(other, tmp_path / "run", given=data, resume=True)
    assert caught.value.what.startswith(f"the {what} are not those")


def interrupted(path):
    """A run that was stopped after its third step."""
    from tests.training.resuming import StopAt
    from thalweg.core.errors import Refusal

    with pytest.raises(Refusal):
        fitted(settings(), path, given=table(), listeners={"stop": StopAt(3)})
    assert RunFolder(path).steps()


def test_pkg_23_a_damaged_newest_checkpoint_is_passed_over_and_said(tmp_path):
    asked = settings() | {"checkpoint_steps": 1}
    fitted(asked, tmp_path / "run", given=table())
    folder = RunFolder(tmp_path / "run")
    newest = folder.checkpoints / str(folder.steps()[0])
    file = max(newest.iterdir(), key=lambda one: one.stat().st_size)
    file.write_bytes(file.read_bytes()[:-9])
    heard = Heard()
    again = fitted(asked, tmp_path / "run", given=table(), resume=True, talk=heard)
    assert again.steps == 12
    assert any(newest.name in warned and "left out" in warned for warned in heard.warned)


def test_pkg_24_when_no_checkpoint_verifies_nothing_is_started_or_removed(tmp_path):
    interrupted(tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    for step in folder.steps():
        (folder.checkpoints / str(step) / "manifest.json").write_bytes(b"{}")
    with expect_refusal("CHECKPOINTS_ALL_DAMAGED", exit_code=4):
        fitted(settings(), tmp_path / "run", given=table(), resume=True)
    assert folder.steps()


def disagreeing(part, tree):
    """A checkpoint of step 6 one part of which was taken at another step."""
    if part == "state.json":
        tree["number"] = 5
    elif part == "state.safetensors":
        tree["numbered"] = torch.tensor(7)
    elif part == "history":
        tree["history"].append(dict(tree["history"][-1], step=9))
    else:
        tree["listeners"]["evaluation"]["best_at"]["step"] = 9


@pytest.mark.parametrize("part", ["state.json", "state.safetensors", "history", "evaluation.best_at"])
def test_num_26_a_checkpoint_whose_parts_are_of_different_steps_is_refused_with_the_part(tmp_path, part):
    asked = settings(steps=6) | {"checkpoint_steps": 6, "evaluate_every": 2}
    folder = fitted(asked, tmp_path / "run", given=table()).folder
    taken = folder.checkpoint(6)
    tree = tree_from_folder(taken)
    disagreeing(part, tree)
    write_folder(taken.path, tree_to_files(tree), format=CHECKPOINT_FORMAT, version=1, stamp=taken.manifest.stamp)
    with expect_refusal("CHECKPOINT_MISFIT", exit_code=4) as caught:
        fitted(asked, tmp_path / "run", given=table(), resume=True)
    assert part in caught.value.what
    assert "6 says its manifest" in caught.value.what
