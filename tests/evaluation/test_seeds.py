"""The verdict on a way of training: its known answer, what counts as a look, and seeds that are not trained twice."""

import numpy as np
import pytest
import torch

from tests.evaluation.arrays import classes
from tests.refusing import expect_refusal
from thalweg import api
from thalweg.core import registry
from thalweg.core.run_folder import RunFolder
from thalweg.evaluation.clopper_pearson import student
from thalweg.evaluation.leaving_out import error_of
from thalweg.evaluation.looks import Looks
from thalweg.evaluation.paired import paired_moves
from thalweg.evaluation.seeds import Rows, _keep_look, _look, judged

OPPONENT = {"name": "random-forest", "title": "random forest"}


def metric(name):
    return registry.load("metric", name)(registry.settings_of("metric", name))


def accuracy_rows(*, wrong, n=200):
    right = torch.ones(n, dtype=torch.float64)
    right[wrong] = 0
    return torch.stack([right, torch.ones(n, dtype=torch.float64)], dim=1)


def three_seeds():
    opponent = accuracy_rows(wrong=range(40))
    return [Rows(seed, accuracy_rows(wrong=range(20 + seed, 30)), opponent) for seed in range(3)]


def test_seeds_and_examples_both_widen_the_interval():
    accuracy, rows = metric("accuracy"), three_seeds()
    found = judged(accuracy, rows, OPPONENT, margin=0.01)
    gaps = torch.tensor([one["difference"] for one in found["seeds"]], dtype=torch.float64)
    moved = torch.stack([paired_moves(accuracy, one.net, one.opponent) for one in rows]).mean(0)
    half = (student(2) ** 2 * float(gaps.var()) / 3 + (student(199) * error_of(moved)) ** 2) ** 0.5
    verdict = found["verdict"]
    assert (verdict["low"], verdict["high"]) == pytest.approx((float(gaps.mean()) - half, float(gaps.mean()) + half))
    assert len(moved) == 202  # the phantoms
    assert verdict["word"] == "better"
    assert verdict["sentence"].startswith("Better: over 3 seeds, on these 200 examples the net is right in ")
    assert verdict["sentence"].endswith("new seeds, new examples.")


def test_the_nets_own_interval_is_no_wider_than_what_is_possible():
    perfect = accuracy_rows(wrong=[])
    found = judged(metric("accuracy"), [Rows(seed, perfect, perfect) for seed in range(3)], OPPONENT, margin=0.01)
    assert found["metric"]["low"] < found["metric"]["value"] == found["metric"]["high"] == 1.0


def test_shares_over_seeds_stay_between_0_and_1():
    rare = [Rows(seed, accuracy_rows(wrong=range(12 * seed, 200)), accuracy_rows(wrong=range(190))) for seed in range(3)]
    found = judged(metric("accuracy"), rare, OPPONENT, margin=0.01)["metric"]
    assert found["low"] == 0.0 < found["value"] < found["high"]


def test_losses_are_negated():
    loss = metric("log-loss")
    low, high = (torch.full((60, 2), value, dtype=torch.float64).index_fill(1, torch.tensor([1]), 1.0) for value in (0.2, 0.5))
    low, high = low + 0.01 * torch.arange(60)[:, None] * torch.tensor([1.0, 0.0]), high
    found = judged(loss, [Rows(seed, low, high) for seed in range(3)], OPPONENT, margin=0.001)
    assert found["verdict"]["difference"] == pytest.approx(found["opponent"] - found["metric"]["value"])


def test_the_same_answers_are_the_same_look_and_others_widen_the_interval(tmp_path):
    folder, rows, data = RunFolder.create(tmp_path / "run"), three_seeds(), classes()

    def look(some):
        found = _look(folder, data, "accuracy", some)
        _keep_look(folder, data, some, judged(metric("accuracy"), some, OPPONENT, margin=0.01))
        return found

    Looks.at(data, "test", by=str(folder.path)).keep("of one model")  # the run's own verdict belongs to the same question
    assert [look(rows), look(rows), look([*rows, rows[0]]), look(rows)] == [1, 1, 2, 1]
    widths = [judged(metric("accuracy"), rows, OPPONENT, margin=0.01, look=look)["verdict"] for look in (1, 2)]
    assert widths[1]["high"] - widths[1]["low"] > widths[0]["high"] - widths[0]["low"]
    assert widths[1]["look"] == 2


@pytest.mark.slow
def test_a_seed_that_is_done_is_not_trained_again(tmp_path, monkeypatch):
    monkeypatch.setattr("thalweg.evaluation.results.LEAST_SECONDS", 2.0)
    drawn = np.random.default_rng(0).normal(size=(150, 2))
    lines = [f"{a:.3f},{b:.3f},{'yes' if a > 0 else 'no'}" for a, b in drawn]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,target", *lines]))
    settings = {"rule": {"steps": 20}, "model": {"name": "mlp", "hidden": [8]}}
    run = api.train(tmp_path / "data.csv", target="target", settings=settings, out=tmp_path / "run")
    first = api.compare(run, seeds=3)["over_seeds"]
    assert [one["seed"] for one in first["seeds"]] == [0, 1, 2]
    model = tmp_path / "run" / "seeds" / "1" / "model" / "manifest.json"
    before = model.stat().st_mtime_ns
    assert api.compare(tmp_path / "run", seeds=3)["over_seeds"] == first
    assert model.stat().st_mtime_ns == before
    assert "Over seeds" in (tmp_path / "run" / "report.html").read_text()
    opponent = first["verdict"]["opponent"]
    answers = api.predict(tmp_path / "run", {"a": [2.0, -2.0], "b": [0.0, 0.0]}, baseline=opponent)
    assert list(answers["target"]) == ["yes", "no"]
    with expect_refusal("SEEDS_FEW", exit_code=2):
        api.compare(run, seeds=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        "iris",
        "diabetes",
        "digits",
        "two-moons",
        "cartpole",
        "sinusoids",
        "damped-oscillator",
        "reversed-strings",
        "blobs",
        "xor",
    ],
)
def test_every_task_is_compared_over_seeds(tmp_path, monkeypatch, data):
    monkeypatch.setattr("thalweg.evaluation.results.LEAST_SECONDS", 2.0)
    run = api.train(data, steps=3, check=False, out=tmp_path / "run")
    found = api.compare(run, seeds=3)["over_seeds"]
    assert [one["seed"] for one in found["seeds"]] == [0, 1, 2]
    weights = [run.path / "seeds" / seed / "model" / "weights.safetensors" for seed in ("1", "2")]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    assert found["metric"]["low"] <= found["metric"]["value"] <= found["metric"]["high"]
    assert "over 3 seeds" in found["verdict"]["sentence"]
