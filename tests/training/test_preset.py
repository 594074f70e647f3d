"""Presets: what each chose is declared, told and recorded; good is what a training is without one."""

import numpy as np
import pytest
import yaml

from tests.training.resuming import assert_resumes_to_the_same_bits, fitted
from tests.training.test_time_limit import SMALL, rows
from thalweg.core import registry
from thalweg.core.errors import Refusal
from thalweg.core.talk import Talk
from thalweg.training.preset import SHARES, chosen_by, lasting, scaled_steps
from thalweg.training.reopened import settings_of_run
from thalweg.training.requested import run_settings
from thalweg.training.scaled import scaled

DECLARING = [name for name, part in registry.parts("model").items() if "presets" in part.facts and not part.variant_of]


class Heard(Talk):
    """Keeps what was said, by label."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def say(self, label: str, *lines: str) -> None:
        self.said[label] = " ".join(lines)


@pytest.mark.parametrize("name", DECLARING)
def test_what_models_declare_for_presets_are_settings_that_they_have(name):
    facts = registry.facts("model", name)
    assert set(facts["presets"]) <= set(SHARES) - {"good"}
    for preset, declared in facts["presets"].items():
        assert set(declared) <= {"recipe", "settings", "length"}
        for task in facts["tasks"]:
            held = scaled(facts, task, 1000, preset=preset)
            registry.settings_of("model", name, held["settings"])
            registry.settings_of("rule", facts.get("rule", "backpropagation"), held["recipe"])


def test_a_share_of_the_steps_is_of_whole_epochs_where_there_are_any():
    assert scaled_steps(25 * 170, 1 / 3, 170) == 8 * 170
    assert scaled_steps(17, 1 / 3, 17) == 17
    assert scaled_steps(25 * 30, 1 / 3, 30) == 17 * 30  # 500 steps are fast enough
    assert scaled_steps(1000, 2.0, None) == 2000
    assert scaled_steps(0, 2.0, 17) == 0
    assert [lasting(34, 34, 17), lasting(34, 34, None), lasting(17, 17, 17)] == ["2 epochs", "34 steps", "1 epoch"]
    assert lasting(34, 17, 17) == "2 epochs, twice as long as usual"


def test_a_preset_says_what_it_chose_and_a_repeated_run_chooses_the_same(tmp_path):
    small = {"data": {"target": "kind"}, "model": {"name": "tabular", "hidden": [8]}, "preset": "best"}
    heard = Heard()
    run = fitted(small, tmp_path / "run", given=rows(), talk=heard)
    assert (
        heard.said["preset"]
        == "best: 201 epochs, 1.5 times as long as usual, members 24; other: --preset fast or --preset good"
    )
    written = yaml.safe_load(run.folder.settings.read_text())
    assert written["chosen"]["model"]["settings"]["members"] == 24
    assert written["chosen"]["rule"]["settings"]["steps"] == run.steps == 201 * 3  # the usual are 134 epochs of 3 batches
    again = fitted(settings_of_run(run.folder).model_dump(mode="json"), tmp_path / "again", given=rows())
    assert again.steps == run.steps
    assert (run.folder.model / "weights.safetensors").read_bytes() == (again.folder.model / "weights.safetensors").read_bytes()


def test_what_is_not_varied_is_not_said_to_be_and_a_time_limit_says_how_long():
    facts = {"presets": {"best": {"settings": {"members": 24}, "recipe": {"batch_size": 8}}}}
    assert chosen_by("good", facts, {}, "") == "good: batch size and members as usual; other: --preset fast or --preset best"
    assert chosen_by("good", {}, {}, "") == "good: this model knows no other"
    told = chosen_by("best", facts, {"members": 24}, "as long as the time limit says")
    assert told.startswith("best: as long as the time limit says, members 24; other")


def test_what_the_user_says_wins_over_a_preset(tmp_path):
    heard = Heard()
    asked = {**SMALL, "rule": {"epochs": 2}, "preset": "best"}
    run = fitted(asked, tmp_path / "run", given=rows(), talk=heard)
    assert heard.said["preset"].startswith("best: 2 epochs; other")
    assert run.steps == 2 * 3


def test_a_published_variant_stays_what_it_is_under_any_preset(tmp_path):
    said = np.array(["good and warm", "bad and cold"] * 30, dtype=object)
    asked = {
        "model": "text-bag",
        "preset": "best",
        "rule": {"epochs": 1},
        "data": {"target": "kind", "fields": {"said": "text"}},
    }
    run = fitted(asked, tmp_path / "run", given={"said": said, "kind": np.array(["up", "down"] * 30)})
    assert run.package.named["settings"]["nets"] == 0


@pytest.mark.slow
def test_a_preset_resumes_to_the_same_bits(tmp_path):
    asked = {**SMALL, "model": {"name": "tabular", "hidden": [4], "members": 2}, "preset": "best", "rule": {"batch_size": 72}}
    assert_resumes_to_the_same_bits(asked, tmp_path, given=rows(), cuts=(3,))


def test_a_preset_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(Refusal, match="'fast', 'good' or 'best'"):
        run_settings({"preset": "turbo"})


def test_published_weights_are_fine_tuned_in_the_same_stages_by_every_preset_only_longer():
    def stages(**asked):
        return [one.rule for one in run_settings({"weights": "mobilenet-v2", **asked}).stages]

    by_preset = {preset: stages(preset=preset) for preset in SHARES}
    assert by_preset["good"] == stages() == stages(find_lr=False)
    assert [by_preset[preset][1]["epochs"] for preset in SHARES] == [3, 8, 16]
    assert by_preset["fast"][0] == by_preset["best"][0]
    assert [len(stages(**one)) for one in ({"rule": {"rate": "auto"}}, {"find_lr": True}, {"time_limit": "1m"})] == [1, 1, 1]


def test_fixed_kernels_are_fewer_or_more_by_preset_and_the_published_ones_as_many_as_ever(tmp_path):
    series = {"x": np.random.default_rng(0).normal(size=(40, 1, 30)).astype(np.float32), "y": np.arange(40) % 2}
    heard = Heard()
    run = fitted({"model": "random-kernels", "preset": "fast"}, tmp_path / "fast", given=series, talk=heard)
    assert run.package.named["settings"]["groups"] == 16
    assert heard.said["preset"].startswith("fast: shares 2520, groups 16; other: --preset good")
    asked = {"model": "minirocket", "preset": "fast"}
    published = fitted(asked, tmp_path / "published", given=series).package.named["settings"]
    assert (published["shares"], published["groups"]) == (10_000, 0)
