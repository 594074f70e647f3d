"""R10: where a batch cannot be split that is refused with numbers, and what only reads shrinks alone."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.fresh_process import Fresh
from tests.packages.trained import Heard
from tests.refusing import expect_refusal
from tests.reliability.figures import WHOLE, Row
from tests.reliability.limited import trained
from tests.reliability.scarce import BATCH, FITS, HOW, Kernel, Scarce, kernel, numbers, run, same_bits, weights
from tests.training.resuming import At, fitted
from thalweg.core.run_folder import RunFolder
from thalweg.training import checkpoints

REFUSED = Row("R10", "refusals that cannot be split away: exit code 6 with numbers, nothing changed", order=2)
ALONE = Row("R10", "refusals in evaluations and predictions, which shrink alone: the same figures", order=3)
SECOND = Row("R10", "refusals in the midst of a step (update, search, program, second player): nothing counts twice", order=1)


def refused_run(path: Path, net: torch.nn.Module, code: str, **how):
    with expect_refusal(code, exit_code=6) as caught:
        run(path, net, asked={"checkpoint_steps": 1, **how.pop("asked", {})}, **how)
    return caught.value


@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("step", [2, 7] if WHOLE else [7])
def test_num_17_batch_normalisation_is_refused_with_a_batch_size_that_fits(tmp_path, phase, step):
    net = Scarce(normalised=True)
    scarce = At(step, lambda: net.most.update({phase: 13}))
    refusal = refused_run(tmp_path / "run", net, "TRAIN_MEMORY_FULL", listeners={"scarce": scarce})
    asked_for = "--batch-size 7, which was tried and fits"
    kept = checkpoints.read(RunFolder(tmp_path / "run").newest_checkpoint().folder)
    stored = kept.state["rule"]["model"]
    unmoved = all(torch.equal(stored[name], one) for name, one in net.state_dict().items())
    REFUSED.note(1, int(refusal.fix == asked_for and unmoved))
    assert refusal.fix == asked_for
    assert "batch normalisation in between" in refusal.why
    assert refusal.details["rows"] in (28, 29)
    assert kept.position.step == step
    assert unmoved


def test_num_17_a_single_row_that_does_not_fit_is_refused_with_numbers(tmp_path):
    net = Scarce()
    scarce = At(4, lambda: net.most.update(backward=0))
    refusal = refused_run(tmp_path / "run", net, "TRAIN_MEMORY_FULL", listeners={"scarce": scarce})
    REFUSED.note(1, int(refusal.details["parts"] == refusal.details["rows"] > 1))
    assert refusal.details["parts"] == refusal.details["rows"] > 1
    assert refusal.details["weight_bytes"] == 4 * sum(one.numel() for one in net.parameters())
    assert "smaller model" in refusal.fix
    assert max(net.tried[-6:]) <= BATCH
    assert len(net.tried) < 100, "tries are bounded"
    assert RunFolder(tmp_path / "run").newest_checkpoint().folder.manifest.stamp["step"] == 4


def test_num_17_a_checkpoint_without_memory_is_refused_and_the_last_one_kept(tmp_path, monkeypatch):
    net, real = Scarce(), Kernel(checkpoints.tree_to_files)
    monkeypatch.setattr(checkpoints, "tree_to_files", real)
    refusal = refused_run(tmp_path / "run", net, "CHECKPOINT_NO_MEMORY", listeners={"scarce": At(5, real.refuse)})
    newest = RunFolder(tmp_path / "run").newest_checkpoint()
    REFUSED.note(1, int(newest.folder.manifest.stamp["step"] == 4 and not newest.skipped))
    assert newest.folder.manifest.stamp["step"] == 4
    assert not newest.skipped
    assert "checkpoint 5; it was not written" in refusal.where


def test_num_17_what_cannot_be_done_in_parts_is_refused_and_the_last_checkpoint_kept(tmp_path):
    def fail() -> None:
        raise MemoryError

    refusal = refused_run(tmp_path / "run", Scarce(), "MEMORY_FULL", listeners={"scarce": At(5, fail)})
    REFUSED.note(1, int("after step 5" in refusal.where))
    assert "after step 5" in refusal.where
    assert RunFolder(tmp_path / "run").newest_checkpoint().folder.manifest.stamp["step"] == 4


@pytest.mark.parametrize("most", [1, 7, 20] if WHOLE else [7])
def test_num_17_an_evaluation_shrinks_alone_and_measures_the_same(tmp_path, most):
    whole = run(tmp_path / "whole", Scarce(), asked=dict(HOW["adam"]))
    net, heard = Scarce(), Heard()
    net.most["evaluation"] = most
    shrunk = run(tmp_path / "run", net, asked=dict(HOW["adam"]), talk=heard)
    apart = max(
        abs(one[name] - other[name])
        for one, other in zip(shrunk.history, whole.history, strict=True)
        for name in one
        if name.startswith("validation.")
    )
    held = same_bits(shrunk, whole) and apart < 1e-12
    ALONE.note(len(whole.history), len(whole.history) * held, apart=apart)
    assert same_bits(shrunk, whole)
    assert apart < 1e-12
    assert min(net.tried[1:]) > BATCH // 2, "training's batches stay as they are"
    assert heard.warned == []


@pytest.mark.parametrize("most", [1, 30])
def test_num_17_a_prediction_shrinks_alone_and_says_the_same(tmp_path, most):
    net = Scarce()
    package = run(tmp_path / "run", net).package
    rows = numbers()["numbers"]
    expected = package.predict(rows)
    net.most["evaluation"] = most
    found = package.predict(rows)
    held = found["kind"].tolist() == expected["kind"].tolist()
    ALONE.note(1, int(held))
    assert held
    np.testing.assert_allclose(found["probabilities"], expected["probabilities"], atol=1e-6)


def test_num_17_an_evaluation_of_a_single_row_that_does_not_fit_is_refused(tmp_path):
    net = Scarce()
    net.most["evaluation"] = 0
    refusal = refused_run(tmp_path / "run", net, "MEMORY_FULL")
    assert "an evaluation of a single row" in refusal.what


@pytest.mark.parametrize("step", [0, 3, 6] if WHOLE else [3])
def test_a_program_that_is_refused_memory_leaves_its_steps_to_the_rule(tmp_path, step):
    data = {"x": numbers()["numbers"], "kind": numbers()["kind"]}
    rule = {"optimizer": "adamw", "steps": 12, "batch_size": 32, "average": 0.9}
    asked = {"data": {"target": "kind"}, "model": {"name": "mlp", "hidden": [8]}, "rule": rule, "precision": "float64"}
    whole = fitted(copy.deepcopy(asked), tmp_path / "whole", given=data)
    heard = Heard()
    with kernel("_fused_adamw_") as one:
        one.refuse(after=step)
        speed = {"speed": [{"program": "dense-chain"}]}
        run_ = fitted(copy.deepcopy(asked) | speed, tmp_path / "run", given=data, talk=heard)
        assert one.refusals == 1
    apart = float((weights(run_) - weights(whole)).abs().max())
    SECOND.note(1, int(apart < 1e-6), apart=apart)
    assert apart < 1e-6
    [said] = heard.warned
    assert "memory ran out for dense-chain" in said
    assert "from there on steps are plain ones" in said


@pytest.mark.parametrize("after", [1, 8, 9] if WHOLE else [9])
def test_the_critics_step_is_taken_once_though_the_generators_was_refused(tmp_path, after):
    critic = {"name": "mlp", "hidden": [16], "activation": "leaky-relu", "dropout": 0}
    rule = {"steps": 6, "critic": critic, "batch_size": 64}
    asked = {"source": "digits", "task": "conditional-synthesis", "rule": rule, "precision": "float64", "evaluate_every": 6}
    whole = fitted(copy.deepcopy(asked), tmp_path / "whole")
    heard = Heard()
    with kernel("_fused_adam_") as one:
        one.refuse(after=after)
        split = fitted(copy.deepcopy(asked), tmp_path / "run", talk=heard)
    apart = float((weights(split) - weights(whole)).abs().max())
    SECOND.note(1, int(apart < 1e-9), apart=apart)
    assert apart < 1e-9
    assert any("is taken in 2 parts" in text for text in heard.warned)


def test_a_net_of_the_users_own_that_draws_is_split_as_if_it_was_asked_for(tmp_path):
    def net() -> Scarce:
        made = Scarce()
        made.between = torch.nn.Dropout(0.3)
        return made

    scarce = net()
    scarce.most["forward"] = FITS
    split = run(tmp_path / "run", scarce)
    assert same_bits(split, run(tmp_path / "asked", net(), asked={"rule": {"accumulate": 4}}))


def test_the_next_stage_is_tried_whole_again_and_split_by_itself(tmp_path):
    net = Scarce()
    net.most["forward"] = FITS
    stages = {"stages": [{"rule": {"steps": 3}}, {"rule": {"steps": 4}}]}
    heard = Heard()
    run(tmp_path / "run", net, asked=stages, talk=heard)
    assert len([text for text in heard.warned if "in 4 parts" in text]) == 2


def test_a_trial_that_is_refused_memory_splits_what_the_run_begins_with(tmp_path):
    net, heard = Scarce(), Heard()
    net.most["backward"] = FITS
    run(tmp_path / "run", net, asked={"speed": "probe"}, talk=heard)
    [said] = [text for text in heard.warned if "memory ran out" in text]
    assert "in 4 parts" in said
    assert "in step 1:" in said


REAL = Row("R10", "trainings in processes whose memory the system limits: the weights of those without a limit", order=4)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"] if WHOLE else ["adamw"])
def test_num_17_a_process_with_too_little_memory_learns_the_same_in_parts(tmp_path, optimizer):
    expected, calm = Fresh(trained, str(tmp_path / "whole"), 0, optimizer, False).answer()
    found, said = Fresh(trained, str(tmp_path / "limited"), 60, optimizer, False).answer()
    assert found, said
    apart = float(np.abs(np.subtract(found, expected)).max())
    REAL.note(1, int(apart <= 1e-6), apart=apart)
    assert calm == []
    assert any("memory ran out in step" in text for text in said)
    assert apart <= 1e-6


def test_num_17_a_process_with_too_little_memory_for_batch_normalisation_is_told_what_fits(tmp_path):
    _, (said,) = Fresh(trained, str(tmp_path), 90, "sgd", True).answer()
    assert said.startswith("6 TRAIN_MEMORY_FULL memory does not hold a step on ")
    size = int(said.partition("--batch-size ")[2].partition(",")[0])
    REAL.note(1, int(8 <= size < 4096))
    assert 8 <= size < 4096
