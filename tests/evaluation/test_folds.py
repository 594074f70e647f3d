"""The verdict by repeated folds: its known answer, how rows are cut, what is refused, and folds that are not trained twice."""

import json

import numpy as np
import pytest
import torch

from tests.cli.running import Line
from tests.evaluation.arrays import classes, dataset_of, values
from tests.refusing import expect_refusal
from thalweg import api
from thalweg.core import registry
from thalweg.core.talk import Talk
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.data.splits import folds
from thalweg.evaluation.folds import CLAIM, Fold, judged, outlook, unsuited
from thalweg.evaluation.paired import shares_differ
from thalweg.evaluation.repeated import over_folds
from thalweg.training import together
from thalweg.training.settings import RunSettings


def metric(name):
    return registry.load("metric", name)(registry.settings_of("metric", name))


def answers(right):
    return torch.stack([torch.as_tensor(right, dtype=torch.float64), torch.ones(len(right), dtype=torch.float64)], dim=1)


def ten(wrong, *, size=20, opponents=("random-forest",)):
    """Ten folds in which the net errs on so many rows of each, and the opponent on the first four."""
    found = []
    for i, count in enumerate(wrong):
        places = torch.arange(i % 5 * size, (i % 5 + 1) * size)
        net, other = np.arange(size) >= count, np.arange(size) >= 4
        name = opponents[i % len(opponents)]
        found.append(Fold(i // 5, places, answers(net), answers(other), name, name.replace("-", " "), 0.01 + 0.002 * (i % 2)))
    return found


def test_the_interval_is_that_of_nadeau_and_bengio_where_folds_differ_much():
    wrong = [0, 6, 1, 8, 2, 0, 5, 0, 9, 1]
    told = judged(metric("accuracy"), ten(wrong))
    gaps = [(4 - count) / 20 for count in wrong]
    verdict = told["verdict"]
    assert (verdict["low"], verdict["high"]) == pytest.approx(over_folds(gaps))
    assert [one["difference"] for one in told["folds"]] == pytest.approx(gaps)
    assert verdict["margin"] == pytest.approx(0.011)
    assert told["examples"] == 100
    assert verdict["sentence"].startswith("Not enough data: over 2 x 5 folds, against random forest ")
    assert verdict["sentence"].endswith(CLAIM)
    assert "0 examples would settle it, or about " in verdict["sentence"]
    assert "test examples" not in verdict["sentence"]


def test_an_accuracy_is_never_surer_than_all_rows_judged_once_would_be():
    verdict = judged(metric("accuracy"), ten([1, 2] * 5))["verdict"]  # folds that agree: the net wins 2.5 of 20, loses none
    known = shares_differ(12.5, 0.0, 100)
    assert verdict["high"] - verdict["low"] == pytest.approx(known.high - known.low)
    assert (verdict["low"] + verdict["high"]) / 2 == pytest.approx(0.125)


def test_whole_groups_of_rows_are_fewer_units_and_widen_the_interval():
    alone, grouped = (
        judged(metric("accuracy"), ten([1] * 10), groups=one)["verdict"] for one in (None, torch.arange(100) // 10)
    )
    assert grouped["high"] - grouped["low"] > alone["high"] - alone["low"]
    assert alone["word"] == "better"


def test_the_opponent_is_named_where_all_folds_chose_the_same_and_described_where_not():
    mixed = judged(metric("accuracy"), ten([1] * 10, opponents=("ridge", "ridge", "naive-bayes")))
    assert mixed["verdict"]["opponent"] == "ridge"
    assert "the baseline that validation rows chose in 80 %" in mixed["verdict"]["sentence"]
    assert {one["name"] for one in mixed["folds"]} == {"ridge", "naive-bayes"}


def test_losses_are_negated():
    generator = torch.Generator().manual_seed(0)
    loss, found = metric("rmse"), []
    for i in range(10):
        net, other = (torch.randn(12, generator=generator, dtype=torch.float64) * scale for scale in (1.0, 2.0))
        truth = torch.zeros(12, dtype=torch.float64)
        rows = (loss.rows(net, truth), loss.rows(other, truth))
        found.append(Fold(i // 5, torch.arange(i % 5 * 12, i % 5 * 12 + 12), *rows, "ridge", "ridge", 0.02))
    told = judged(loss, found)
    assert told["verdict"]["difference"] == pytest.approx(told["opponent"] - told["metric"]["value"])
    assert told["verdict"]["difference"] > 0


def test_each_row_is_in_one_fold_and_classes_stand_in_each_in_their_share():
    data = classes(100)
    cut = folds(data.examples, DataSettings(), 5, seed=0, strata=data.examples.columns["target"])
    assert torch.cat(cut).sort().values.tolist() == list(range(100))
    names = np.asarray(data.examples.columns["target"])
    assert all(np.unique(names[one], return_counts=True)[1].max() <= 7 for one in cut)
    again = folds(data.examples, DataSettings(), 5, seed=1, strata=data.examples.columns["target"])
    assert not all(torch.equal(one, other) for one, other in zip(cut, again, strict=True))


def test_groups_stay_whole():
    patient = np.arange(60) // 4
    data = dataset_of({"a": np.random.default_rng(0).normal(size=60), "patient": patient, "target": np.arange(60) % 2})
    cut = folds(data.examples, DataSettings(group="patient"), 5, seed=0)
    assert all(len(set(patient[one])) * 4 == len(one) for one in cut)
    sizes = np.repeat(np.arange(12), np.arange(1, 13))  # no two of them alike
    uneven = dataset_of({"a": np.random.default_rng(0).normal(size=78), "ward": sizes, "target": np.arange(78) % 2})
    cuts = [
        {tuple(one.tolist()) for one in folds(uneven.examples, DataSettings(group="ward"), 5, seed=seed)} for seed in (0, 1)
    ]
    assert cuts[0] != cuts[1]


RESULTS = {
    "seconds": {"encoding": 0.5, "training": 1.0},
    "baselines": [{"seconds": 2.0}, {"seconds": 0.5}],
    "verdict": {"word": "better"},
}


def test_few_rows_without_a_test_part_or_an_order_of_time_are_cut_unasked():
    settings = RunSettings(source="data.csv")
    told = outlook(settings, classes(), RESULTS)
    assert told == {"advised": True, "fits": 10, "seconds": 41.5, "rows": 240, "reason": ""}
    assert not outlook(settings, values(1200), RESULTS)["advised"]
    assert not outlook(RunSettings(source="data.csv", time_limit=30), classes(), RESULTS)["advised"]
    assert outlook(RunSettings(source="data.csv", time_limit=60), classes(), RESULTS)["advised"]
    assert outlook(RunSettings(source="data.csv", preset="best"), classes(), RESULTS)["fits"] == 20


def test_data_with_a_test_part_or_an_order_of_time_are_not_cut():
    data = classes()
    assert "ordered by day" in unsuited(RunSettings(data=DataSettings(time="day")), data)
    part = np.where(np.arange(90) < 60, "train", "test")
    given = dataset_of({"a": np.arange(90) % 7 / 2, "split": part, "target": np.arange(90) % 2})
    assert "a test part of their own" in unsuited(RunSettings(), given)
    assert "always fresh" in unsuited(RunSettings(), read("two-moons"))


@pytest.fixture
def line(capsys):
    return Line(capsys)


@pytest.fixture
def small_run(tmp_path, monkeypatch):
    """A short training on 120 rows of a table, each of which has a day, beside one baseline."""
    monkeypatch.setattr("thalweg.evaluation.opponents._fitting", lambda _: ["naive-bayes"])
    drawn = np.random.default_rng(0).normal(size=(120, 2))
    lines = [f"{a:.3f},{b:.3f},{i},{'yes' if a > 0 else 'no'}" for i, (a, b) in enumerate(drawn)]
    (tmp_path / "data.csv").write_text("\n".join(["a,b,day,target", *lines]))

    def run(name="run", **options):
        settings = {"rule": {"steps": 20}, "model": {"name": "mlp", "hidden": [8]}}
        return api.train(tmp_path / "data.csv", target="target", settings=settings, out=tmp_path / name, check=False, **options)

    return run


@pytest.mark.slow
def test_few_rows_are_compared_over_folds_unasked_and_nothing_is_trained_twice(small_run, line):
    run = small_run(ignore="day")
    hint = run.results["folds"]
    assert (hint["advised"], hint["rows"], hint["fits"]) == (True, 120, 10)
    shown = line("compare", run.path, "--no-folds", "--json")
    assert "over_folds" not in json.loads(shown.out)
    told = json.loads(line("compare", run.path, "--json").out)["over_folds"]
    assert sum(one["rows"] for one in told["folds"]) == 240
    assert told["examples"] == 120
    assert told["verdict"]["look"] == 1
    model = run.folder.folds / "1-1" / "model" / "manifest.json"
    before = model.stat().st_mtime_ns
    (run.folder.folds / "2-5" / "judged" / "rows.safetensors").write_bytes(b"spoilt")  # judged again, not trained again
    again = api.compare(run.path, folds=True)["over_folds"]
    assert [one["net"] for one in again["folds"]] == [one["net"] for one in told["folds"]]
    assert again["verdict"]["look"] == 1
    assert model.stat().st_mtime_ns == before
    assert "Over folds" in run.folder.report.read_text()
    assert len(api.predict(told["model"], {"a": [2.0, -2.0], "b": [0.0, 0.0]})["target"]) == 2  # it learned from all rows
    with expect_refusal("COMPARE_LACKS", exit_code=2):
        api.compare(run, seeds=3, folds=True)


@pytest.mark.slow
def test_a_run_in_the_order_of_time_is_refused(small_run, line):
    run = small_run("dated", time="day")
    assert not run.results["folds"]["advised"]
    with expect_refusal("FOLDS_UNSUITED", exit_code=2):
        api.compare(run, folds=True)
    assert "over_folds" not in api.compare(run)
    assert "--folds" not in line("compare", run.path).out


class Said(Talk):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, label, *lines):
        self.lines += lines


@pytest.mark.slow
def test_folds_that_learn_at_once_come_to_what_they_come_to_one_after_another(small_run, monkeypatch):
    monkeypatch.setattr(together, "WORTH", 0.0)
    told = []
    for name, gain in (("together", 0.0), ("alone", float("inf"))):
        monkeypatch.setattr(together, "GAIN", gain)
        run, talk = small_run(name, ignore="day"), Said()
        found = api.compare(run.path, folds=True, talk=talk)["over_folds"]
        told.append([(one["net"], one["opponent"]) for one in found["folds"]])
        assert any("trainings learn at once" in line for line in talk.lines) == (name == "together")
    np.testing.assert_allclose(*told, rtol=1e-4)
