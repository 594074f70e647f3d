"""The contract of every view, and the examples that are kept for it."""

import json

import numpy as np
import pytest
from PIL import Image

import thalweg as tw
from tests.evaluation.arrays import classes
from tests.report.test_report import EVIL, elements
from thalweg.core import registry
from thalweg.report.examples import view_of, with_examples
from thalweg.report.samples import EACH


@pytest.mark.parametrize("kind", registry.names("view"))
def test_what_is_kept_is_small_json_and_can_be_shown(kind):
    view = view_of(kind)
    kept = view.keep(view.example())
    told = json.dumps(kept, allow_nan=False)
    assert len(told) < 30_000
    found = elements(view.show(json.loads(told)))
    assert found.wrong == []


@pytest.mark.parametrize("kind", [kind for kind in registry.names("view") if not view_of(kind).tile])
def test_text_stays_text(kind):
    view = view_of(kind)
    if isinstance(view.example(), str | float):
        assert elements(view.show(view.keep(EVIL))).seen == []
    else:
        assert elements(view.show(view.keep(view.example()))).seen == []


@pytest.mark.parametrize("shape", [(300, 200), (300, 200, 3), (3, 300, 200), (20, 30, 1)])
def test_pictures_of_any_form_become_small(shape):
    kept = view_of("image").keep(np.zeros(shape, dtype=np.uint8))
    assert max(kept["width"], kept["height"]) <= 96


def test_pictures_are_read_from_their_files(tmp_path):
    Image.new("RGB", (640, 480), "red").save(tmp_path / "red.jpg")
    kept = view_of("image").keep(str(tmp_path / "red.jpg"))
    assert (kept["width"], kept["height"]) == (96, 72)


def test_a_tampered_picture_shows_nothing():
    assert elements(view_of("image").show({"png": f'">{EVIL}', "width": 8, "height": 8})).seen[0][0] == "img"
    assert "script" not in view_of("image").show({"png": f'">{EVIL}', "width": 8, "height": 8})


def test_the_examples_behind_the_worst_mistakes_are_kept():
    dataset = classes()
    worst = [{"row": 5, "true": "low", "said": "high", "sure": 0.9}]
    kept = with_examples({"diagnosis": {"mistakes": {"worst": worst}}}, dataset)["examples_shown"]
    assert kept["fields"] == {"a": "number", "b": "number", "colour": "category"}
    worth = {"columns": [{"name": name, "value": 0.1} for name in ("colour", "b", "a")]}
    dearest = with_examples({"diagnosis": {"mistakes": {"worst": worst}}, "importance": worth}, dataset)["examples_shown"]
    assert list(dearest["fields"]) == ["colour", "b", "a"]
    assert kept["rows"]["5"]["colour"] == dataset.examples.columns["colour"][5]


def test_what_a_generator_makes_is_kept_beside_real_examples_and_shown(tmp_path):
    run = tw.train("digits", task="conditional-synthesis", epochs=1, compare=False, out=tmp_path / "run")
    made = run.results["made"]
    assert set(made["fields"].values()) == {"image", "category"}
    assert len(made["own"]) == EACH
    text = (run.path / "report.html").read_text(encoding="utf-8")
    assert text.count("<img") == len(made["own"]) + len(made["real"])
    assert ">What it makes</h2>" in text


def test_points_of_a_plane_are_shown_in_one_picture():
    points = [view_of("vector").keep([x / 10, 1.0]) for x in range(30)]
    assert view_of("vector").together(points, points[:5]).count("<circle") == 35
    assert view_of("vector").together([view_of("vector").keep([1.0, 2.0, 3.0])], []) == ""


def test_results_without_mistakes_stay_as_they_are():
    assert with_examples({"metric": {}}, classes()) == {"metric": {}}
