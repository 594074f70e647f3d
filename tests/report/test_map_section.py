"""The map of a self-organising map: drawn from a run's results, and kept by a training."""

import json

import pytest
import torch

import thalweg as tw
from tests.report.runs import run_of
from tests.report.test_report import EVIL, elements
from thalweg.layers.on_grid import apart
from thalweg.report.report import write_report

FOUND = {
    "apart": [[0.1, 0.9, 0.2], [0.1, 0.8, 0.2]],
    "counts": [[4, 0, 3], [2, 1, 5]],
    "planes": {"<b>width</b>": [[1.0, None, 2.5], [-3.0, 2.0, 12500.0]]},
    "classes": {"target": "kind", "names": ["left", "right"], "most": [0, None, 1, 0, 1, 1], "share": 0.933},
}


def page(folder, found):
    """The section of the map alone."""
    whole = write_report(run_of(folder, results={"map": found})).read_text(encoding="utf-8")
    return whole.partition('<section id="map"')[2].partition("</section>")[0]


def test_units_lie_apart_as_their_codes_lie_from_those_beside_them():
    grid = torch.tensor([[[0.0], [0.0], [3.0]], [[0.0], [1.0], [3.0]]])  # (2, 3, 1)
    wanted = torch.tensor([[0.0, 4 / 3, 1.5], [0.5, 4 / 3, 1.0]])
    torch.testing.assert_close(apart(grid), wanted)
    assert apart(grid[:1, :1]).tolist() == [[0.0]]


def test_each_unit_is_drawn_with_the_class_of_most_of_its_examples(tmp_path):
    drawn = page(tmp_path / "run", FOUND)
    assert drawn.count("<rect") == 6 + 5
    assert [drawn.count(f">{name}</text>") for name in ("left", "right")] == [2, 3]  # and nothing where no example lies
    assert "5 units hold 15 training examples" in drawn
    assert "93\u00a0% of the examples are of their unit&#x27;s kind" in drawn
    assert elements(drawn).wrong == []


def test_columns_of_numbers_are_drawn_over_the_map_with_their_ends(tmp_path):
    drawn = page(tmp_path / "run", FOUND)
    assert "&lt;b&gt;width&lt;/b&gt;" in drawn
    assert "<figcaption>−3 to 12,500" in drawn
    model = {"name": "map", "rows": 2, "columns": 3}
    run = tw.train("iris", model=model, epochs=3, compare=False, check=False, threads=1, out=tmp_path / "iris")
    means = run.results["map"]["planes"]
    assert list(means) == ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
    lengths = [one for row in means["petal length (cm)"] for one in row if one is not None]
    assert min(lengths) < 2 < 5 < max(lengths)


def test_long_names_of_classes_become_letters_with_a_key(tmp_path):
    names = [f"a class with quite a long name, {place}" for place in (1, 2)]
    drawn = page(tmp_path / "run", FOUND | {"classes": FOUND["classes"] | {"names": names}})
    assert [drawn.count(f">{letter}</text>") for letter in "ab"] == [2, 3]
    assert f"a: {names[0]}, b: {names[1]}" in drawn


def test_without_classes_a_unit_says_how_many_examples_it_holds(tmp_path):
    drawn = page(tmp_path / "run", {name: one for name, one in FOUND.items() if name != "classes"})
    assert [drawn.count(f">{count}</text>") for count in (4, 5)] == [1, 1]
    assert ">0</text>" not in drawn


def test_a_run_without_a_map_has_no_such_section_and_names_stay_text(tmp_path):
    assert page(tmp_path / "none", {}) == ""
    drawn = page(tmp_path / "evil", FOUND | {"classes": FOUND["classes"] | {"names": [EVIL, "b"], "target": EVIL}})
    assert "<script" not in drawn


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    rule = {"name": "competitive", "steps": 60}
    return tw.train(
        "digits", model={"name": "map", "rows": 4, "columns": 5}, rule=rule, out=tmp_path_factory.mktemp("map") / "run"
    )


def test_a_training_keeps_what_lies_in_each_unit_and_shows_an_example(digits):
    found = json.loads(digits.folder.results.read_text())["map"]
    assert sum(map(sum, found["counts"])) == 1078
    assert [len(found["apart"]), len(found["apart"][0])] == [4, 5]
    assert found["classes"]["names"] == [str(one) for one in range(10)]
    assert found["classes"]["share"] > 0.6
    drawn = digits.folder.report.read_text(encoding="utf-8").partition('<section id="map"')[2].partition("</section>")[0]
    assert drawn.count("<img") == sum(one > 0 for row in found["counts"] for one in row)


def test_the_class_of_the_nearest_example_is_most_often_that_of_its_unit(digits):
    found = json.loads(digits.folder.results.read_text())["map"]
    target = digits.fitted.dataset.examples.columns[found["classes"]["target"]]
    most = {place: found["classes"]["names"][one] for place, one in enumerate(found["classes"]["most"]) if one is not None}
    right = [str(target[row]) == most[int(place)] for place, row in found["nearest"]["row_of"].items()]
    assert sum(right) >= 0.7 * len(right)
