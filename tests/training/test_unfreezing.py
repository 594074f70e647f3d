"""Unfreezing in stages, a probe of the head that resumes, and the line that tells what published weights would bring."""

import numpy as np
import torch

from tests.training.resuming import assert_resumes_to_the_same_bits, fitted
from tests.training.stages_watched import watched
from thalweg.core.strict_yaml import read_yaml
from thalweg.core.talk import Talk
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own

MODEL = {"name": "residual", "settings": {"depths": [1, 1], "widths": [4, 8]}}


class Heard(Talk):
    """What a run says."""

    def __init__(self) -> None:
        self.lines = []

    def say(self, label, *lines) -> None:
        self.lines += [f"{label} {line}" for line in lines]


def photos(side, count=24):
    """Pictures that are bright on the left or on the right."""
    rng, target = np.random.default_rng(0), np.arange(count) % 2
    pictures = rng.integers(0, 60, (count, side, side, 3))
    for picture, code in zip(pictures, target, strict=True):
        picture[:, side // 2 * code : side // 2 * (code + 1)] += 150
    return {"image": pictures.astype(np.uint8), "class": np.where(target, "right", "left")}


def test_what_is_frozen_in_the_first_stage_learns_in_the_second(tmp_path):
    seen = {}
    stages = [{"rule": {"freeze": "trunk"}}, {"rule": {"freeze": [], "layer_decay": 0.8}}]
    settings = {"model": MODEL, "stages": stages, "rule": {"steps": 2}, "stopping": {"keep": "last"}}
    heard = Heard()
    fitted(settings, tmp_path / "run", given=photos(8), own=Own(rule=watched(seen)), talk=heard)
    told_once = [line for line in heard.lines if not line.startswith("learn ")]
    assert len(set(told_once)) == len(told_once)
    [told] = [line for line in heard.lines if line.startswith("stage ")]
    assert told.startswith("stage 2 of 2: 2 epochs, on ")
    assert "layer decay 0.8" in told
    moved = [
        {name for name, one in seen["begin", stage].items() if not torch.equal(one, seen["end", stage][name])}
        for stage in (0, 1)
    ]
    assert moved[0] == {"head.weight", "head.bias"}
    assert "stem.0.weight" in moved[1]
    assert all(torch.equal(one, seen["end", 0][name]) for name, one in seen["begin", 1].items())


def test_a_probe_cut_anywhere_ends_with_the_same_bits(tmp_path):
    settings = {"model": MODEL, "rule": {"name": "linear-probe", "steps": 3}, "augment": [{"flip": {"probability": 1}}]}
    assert_resumes_to_the_same_bits(settings, tmp_path, given=photos(8))


PROBED = {"stages": [{"rule": {"name": "linear-probe", "steps": 2}}, {"rule": {"average": 0.5}}]}
"""The head as a probe, then all of the net, with an average that the first stage knows nothing of."""


def test_a_stage_learns_by_a_rule_of_its_own_and_takes_nothing_of_the_runs_rule(tmp_path):
    settings = {"model": MODEL, "rule": {"steps": 3, "optimizer": "sgd"}, "stopping": {"keep": "last"}, **PROBED}
    run = fitted(settings, tmp_path / "run", given=photos(8))
    assert [one["step"] for one in run.history if one["stage"] == 0] == [1, 2]
    assert run.steps == 3
    again = run_settings(read_yaml(run.folder.settings)[0])
    assert again.stages == run.settings.stages
    assert again.rule == run.settings.rule


def test_a_run_whose_stages_differ_by_rule_resumes_to_the_same_bits(tmp_path):
    assert_resumes_to_the_same_bits({"model": MODEL, "rule": {"steps": 2}, **PROBED}, tmp_path, given=photos(8), cuts=(1,))


def test_a_run_from_nothing_tells_what_published_weights_would_bring_where_pictures_are_photos(tmp_path, monkeypatch):
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path / "home"))
    settings = {"model": MODEL, "rule": {"steps": 1}}
    heard = {side: Heard() for side in (16, 64)}
    for side, talk in heard.items():
        fitted(settings, tmp_path / str(side), given=photos(side), talk=talk)
    assert not any("--weights" in line for line in heard[16].lines)
    [told] = [line for line in heard[64].lines if "--weights" in line]
    assert "--weights mobilenet-v2 (14.2 MB, BSD-3-Clause; thalweg weights get mobilenet-v2)" in told


def test_layers_that_are_frozen_as_they_were_drawn_are_told(tmp_path):
    heard = Heard()
    fitted({"model": MODEL, "rule": {"steps": 1, "freeze": "trunk"}}, tmp_path / "run", given=photos(8), talk=heard)
    [told] = [line for line in heard.lines if "drawn at random" in line]
    assert told == "model frozen as it was drawn at random: trunk; to begin from published weights: --weights NAME"
