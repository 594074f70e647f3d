"""A classifier whose classes grow in a second stage keeps what it knew, and a run of stages may be cut anywhere."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.stages_watched import watched
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.tasks._task import measured
from thalweg.training.stage import Own

STAGES = [{"only": [0, 1, 2, 3, 4]}, {}]
SMALL = {"source": "digits", "model": {"name": "mlp", "hidden": [16]}, "stages": STAGES}


def measures_of(run) -> dict:
    return measured(run.package.task, run.package.model, run.dataset.batches("test", size=256), at=Position())


def test_ten_classes_are_learned_in_two_stages(tmp_path):
    settings = {"source": "digits", "model": {"name": "convnet", "widths": [16, 32]}, "rule": {"epochs": 8}, "stages": STAGES}
    run = fitted(settings, tmp_path / "run")
    assert run.package.encodings.target.decode(torch.arange(10)).tolist() == [str(digit) for digit in range(10)]
    assert measures_of(run)["accuracy"] >= 0.95


def test_the_second_stage_starts_with_the_head_of_the_first_in_its_corner(tmp_path):
    seen = {}
    fitted({**SMALL, "rule": {"steps": 20}}, tmp_path / "run", own=Own(rule=watched(seen)))
    old, new = seen["end", 0], seen["begin", 1]
    assert old["head.weight"].shape == (5, 16)
    assert new["head.weight"].shape == (10, 16)
    assert torch.equal(new["head.weight"][:5], old["head.weight"])
    assert torch.equal(new["head.bias"][:5], old["head.bias"])
    assert not torch.equal(new["head.weight"][5:], torch.zeros(5, 16))
    assert all(torch.equal(new[name], tensor) for name, tensor in old.items() if not name.startswith("head"))


def test_a_run_of_two_stages_cut_anywhere_ends_with_the_same_bits(tmp_path):
    settings = {**SMALL, "rule": {"steps": 6, "average": 0.9}, "evaluate_every": 4}
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, cuts=[0, (0, 1), (0, 5), (1, 1), (1, 5)])
    assert [(line["stage"], line["step"]) for line in whole.history] == [(0, 4), (0, 6), (1, 4), (1, 6)]
    pictures = np.rint(load_digits().images[:5] * (255 / 16)).astype(np.uint8)
    assert_new_process_predicts_the_same(whole, whole.folder.model, {"image": pictures})


def test_rows_of_a_stage_may_be_chosen_by_any_field_and_an_unknown_one_is_refused(tmp_path):
    table = {"x": np.arange(200.0), "half": np.array(["a", "b"] * 100), "y": np.array(["p", "r", "q", "r"] * 50)}
    settings = {"model": "mlp", "rule": {"steps": 1}, "stages": [{"only": {"half": ["a"]}}]}
    run = fitted(settings, tmp_path / "one", given=table)
    assert run.package.encodings.target.port.size == 2
    with pytest.raises(UsageRefusal, match="half"):
        fitted({**settings, "stages": [{"only": {"halve": ["a"]}}]}, tmp_path / "two", given=table)
