"""The model card: a header that the hub reads, words that nobody can act by, and a package that stays whole."""

import errno
import json
import os
from pathlib import Path

import pytest
import yaml

import thalweg as tw
from tests.evaluation.arrays import classes
from tests.report.runs import confusion, predicted_numbers, results, run_of, worth
from tests.report.test_report import EVIL
from thalweg.core.errors import PackageRefusal
from thalweg.packages.card import renew_card
from thalweg.report.card import card_of, write_card
from thalweg.report.report import write_report
from thalweg.report.run_facts import Facts

FIELDS = [
    {"name": "numbers", "role": "input", "kind": "number", "fields": ["age"]},
    {"name": "income", "role": "target", "kind": "category", "fields": ["income"]},
]


def card(path, **facts):
    return card_of(Facts.of(run_of(path, **facts)))


def header(text):
    start, head, _ = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(head)


def settings(task="classification"):
    return {"chosen": {"model": {"name": "mlp"}, "task": {"name": task, "settings": {}}}, "seed": 0}


def test_the_header_is_what_the_hub_reads(tmp_path):
    data = {"fingerprint": {"name": "Adult 1994.csv", "parts": {"train": 600, "test": 200}}, "fields": FIELDS}
    found = header(card(tmp_path / "run", data=data, settings=settings()))
    assert found["license"] == "unknown"
    assert found["pipeline_tag"] == "tabular-classification"
    assert found["tags"] == ["thalweg", "mlp", "tabular", "classification"]
    assert found["metrics"] == ["accuracy"]
    (model,) = found["model-index"]
    (result,) = model["results"]
    assert model["name"] == "Adult 1994.csv: mlp"
    assert result["task"] == {"type": "tabular-classification", "name": "tabular classification"}
    assert result["dataset"] == {"type": "adult-1994.csv", "name": "Adult 1994.csv", "split": "test"}
    assert result["metrics"] == [{"type": "accuracy", "name": "accuracy (95 % interval 0.868 to 0.881)", "value": 0.874}]


@pytest.mark.parametrize(
    ("kind", "tag"), [("image", "image-classification"), ("text", "text-classification"), ("series", None)]
)
def test_only_tasks_that_the_hub_knows_are_named_to_it(tmp_path, kind, tag):
    data = {"fields": [{"name": "x", "role": "input", "kind": kind, "fields": ["x"]}]}
    assert header(card(tmp_path / "run", data=data, settings=settings())).get("pipeline_tag") == tag


def test_it_says_how_good_it_is_what_it_learned_from_and_what_needs_care(tmp_path):
    data = {
        "fingerprint": {"name": "adult", "parts": {"train": 600, "test": 200}},
        "findings": [{"what": "52 rows are copies"}],
    }
    text = card(tmp_path / "run", data=data, results=results(diagnosis=confusion("no", "yes"), predicts="income"))
    assert "**Equivalent to gradient boosting: 87.4 % right against 87.1 %, within 0.7 points either way.**" in text
    assert "| accuracy | 87.4 % | 86.8 – 88.1 |" in text
    assert "It predicts income from" in text
    assert "600 trained it and 200 judged it." in text
    assert "- It misses 31 % of “yes” and one in 18 of “no”." in text
    assert "- 52 rows are copies." in text
    numbers = card(tmp_path / "numbers", results=results(diagnosis=predicted_numbers()))
    assert "- Nine in ten predictions lie between 5.00 below and 5.00 above the truth." in numbers


def test_what_is_read_is_named_by_its_columns_and_their_kind(tmp_path):
    image = {"name": "image", "role": "input", "kind": "image", "fields": ["image"]}
    words = {"name": "categories", "role": "input", "kind": "category", "fields": ["sex", "town"]}
    text = card(tmp_path / "run", data={"fields": [*FIELDS, image, words]}, results=results(predicts="income"))
    assert "It predicts income from age (number), image, sex, town (categories)." in text


def test_nothing_in_the_files_becomes_markup_or_a_heading(tmp_path):
    evil = f"{EVIL}\n# heading [link](javascript:alert(1)) `code` | cell\x1b[2J"
    found = results(diagnosis=confusion(evil, evil), predicts=evil, importance=worth(**{evil: 0.1}))
    fields = [{"name": evil, "role": "input", "kind": evil, "fields": [evil]}]
    data = {"fingerprint": {"name": evil, "parts": {"train": 3}}, "findings": [{"what": evil}], "fields": fields}
    text = card(tmp_path / "run", data=data, results=found, settings={"chosen": {"model": {"name": evil}}})
    body = text.split("---\n", 2)[2]
    assert "<script" not in body
    assert "<img" not in body
    assert "\n# heading" not in text
    assert "[link](" not in body
    assert "\x1b" not in text
    assert set(header(text)) >= {"license", "model-index"}


def test_a_run_leaves_a_card_in_a_package_that_is_whole(tmp_path):
    columns = dict(classes(150).examples.columns)
    run = tw.train(columns, target="target", epochs=1, compare=False, threads=1, out=tmp_path / "run")
    text = (run.path / "model" / "README.md").read_text(encoding="utf-8")
    assert header(text)["model-index"][0]["results"][0]["metrics"][0]["value"] == pytest.approx(
        run.results["metric"]["value"], abs=1e-6
    )
    loaded = tw.load(run.path / "model")
    assert len(loaded.predict({name: columns[name][:3] for name in ("a", "b", "colour")})["target"]) == 3
    before = (run.path / "model" / "manifest.json").stat()
    tw.report(run)
    assert (run.path / "model" / "manifest.json").stat().st_mtime_ns == before.st_mtime_ns
    assert {one["name"] for one in run.results["importance"]["columns"]} == {"a", "b", "colour"}


def test_a_damaged_package_keeps_its_card_and_the_report_is_written(tmp_path):
    folder = run_of(tmp_path / "run")
    folder.model.mkdir()
    (folder.model / "manifest.json").write_text(json.dumps({}))
    with pytest.raises(PackageRefusal):
        write_card(folder, Facts.of(folder))
    with pytest.raises(PackageRefusal):
        renew_card(folder.model, "a card")
    assert write_report(folder).is_file()
    assert sorted(one.name for one in folder.model.iterdir()) == ["manifest.json"]


def test_a_package_that_the_system_does_not_let_read_is_told_of_and_not_taken_for_a_damaged_one(tmp_path, monkeypatch):
    run = tw.train("iris", epochs=1, compare=False, threads=1, out=tmp_path / "run")
    renew_card(run.folder.model, "a card of before")
    listed = os.scandir

    def failing(path):
        if Path(path).name == "model" or Path(path).parent.name == "model":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return listed(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", failing)
        with pytest.raises(PackageRefusal, match="Input/output error"):
            tw.report(run)
    tw.report(run)
    assert header((run.path / "model" / "README.md").read_text(encoding="utf-8"))["library_name"] == "thalweg"
