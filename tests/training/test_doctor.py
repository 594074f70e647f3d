"""The first doctor says what a run's figures show, and nothing more."""

import pytest

from thalweg.core import files
from thalweg.core.run_folder import RunFolder
from thalweg.doctor.lines import Layer, Sample, Steps
from thalweg.training.doctor import examine, installation


def run_with(tmp_path, losses, held_out=(), results=None, trace=()):
    run = RunFolder.create(tmp_path / "run")
    for one in trace:
        files.append_line(run.trace, {"stage": 0, **one.model_dump(mode="json")})
    for step, loss in enumerate(losses):
        line = {"stage": 0, "step": step, "loss": loss}
        files.append_line(run.metrics, line | ({"validation.log-loss": held_out[step]} if held_out else {}))
    if results is not None:
        files.write_json(run.results, results)
    run.finish()
    return [one["what"] for one in examine(run)["findings"] if "code" not in one]  # it has no package, and that is told


def test_a_run_that_went_well_is_left_alone(tmp_path):
    assert run_with(tmp_path, [1.0, 0.6, 0.4, 0.3, 0.25], [1.1, 0.7, 0.5, 0.4, 0.4]) == []


def test_overfitting_is_seen_where_held_out_loss_turns_up(tmp_path):
    (what,) = run_with(tmp_path, [1.0, 0.5, 0.2, 0.05, 0.02], [1.0, 0.6, 0.7, 0.9, 1.1])
    assert what.startswith("it overfits")


def test_no_learning_is_seen(tmp_path):
    (what,) = run_with(tmp_path, [1.0, 1.01, 0.99, 1.0, 0.995])
    assert what.startswith("it hardly learned")


def test_little_learning_is_no_fault_where_steps_were_looked_into_and_nothing_was_wrong(tmp_path):
    losses = [1.0, 1.01, 0.99, 1.0, 0.995]
    sample = Sample(step=1, ratio=0.005, layers=[Layer(name="head", type="Linear", rows=8)])
    assert run_with(tmp_path, losses, trace=[Steps(first=0, losses=losses), sample]) == []


def test_divergence_is_the_gravest(tmp_path):
    assert run_with(tmp_path, [1.0, 3.0, None])[0].startswith("the loss was not finite")


def test_few_figures_are_not_judged(tmp_path):
    assert run_with(tmp_path, [1.0, 1.0, 1.0]) == []


def test_a_run_that_has_not_ended_says_how_to_go_on(tmp_path):
    run = RunFolder.create(tmp_path / "run")
    (one,) = examine(run)["findings"]
    assert "--resume" in one["fix"]


def test_this_installation_is_sound():
    found = installation()
    assert "cpu" in found["facts"]["devices"]
    assert [one for one in found["findings"] if one["severity"] == "error"] == []


@pytest.mark.parametrize("word", ["better", "equivalent", "not enough data"])
def test_only_a_worse_verdict_is_a_finding(tmp_path, word):
    assert run_with(tmp_path, [], results={"verdict": {"word": word, "sentence": "x"}}) == []
