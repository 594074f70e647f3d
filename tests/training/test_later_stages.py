"""What a later stage asks for is refused before the first one learns, not after hours of it."""

from pathlib import Path
from typing import Any

import pytest

from tests.refusing import expect_refusal
from thalweg import api
from thalweg.core.talk import Talk

ASKED: dict[str, Any] = {"model": "mlp", "threads": 1, "speed": "plain", "compare": False, "check": False}


def trained(out: Path, later: dict[str, Any], **further: Any) -> Path:
    rule = {"rule": {"epochs": 2, "batch_size": 45}}
    return api.train("iris", settings={**ASKED, **rule, "stages": [{}, later], **further}, out=out, talk=Talk()).path


@pytest.mark.parametrize(
    ("later", "code"),
    [
        ({"rule": {"lr": 0.1}}, "SETTING_UNKNOWN"),
        ({"rule": {"rate": -1.0}}, "SETTING_INVALID"),
        ({"rule": {"optimizer": "adamww"}}, "OPTIMIZER_UNKNOWN"),
        ({"rule": {"name": "descent"}}, "RULE_UNKNOWN"),
        ({"rule": {"name": "hebbian", "optimizer": "sgd"}}, "SETTING_UNKNOWN"),
        ({"model": {"width": 7}}, "SETTING_UNKNOWN"),
    ],
    ids=str,
)
def test_a_later_stage_that_cannot_be_is_refused_before_anything_is_learned(tmp_path, later, code):
    with expect_refusal(code, exit_code=2):
        trained(tmp_path / "run", later)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "later",
    [{"rule": {"steps": 3}}, {"rule": {"epochs": 1, "rate": 0.01}}, {"rule": {"name": "backpropagation", "steps": 2}}],
    ids=str,
)
def test_a_later_stage_may_be_of_another_length_and_rate(tmp_path, later):
    assert (trained(tmp_path / "run", later) / "model").is_dir()


def test_a_first_stage_with_a_rule_of_its_own_says_nothing_of_the_later_ones(tmp_path):
    first = {"rule": {"name": "backpropagation", "optimizer": "sgd", "steps": 2}}
    stages = [first, {"rule": {"rate": 0.02, "steps": 2}}]
    assert (trained(tmp_path / "run", {}, stages=stages) / "model").is_dir()
