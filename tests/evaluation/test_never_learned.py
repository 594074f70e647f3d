"""A class that only the test part has is told, and the figure of the others beside it."""

import numpy as np
import pytest

import thalweg as tw


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a table with parts of its own; the last ten test rows are of a class that training lacks."""
    folder = tmp_path_factory.mktemp("never")
    size = np.random.default_rng(0).normal(size=120)
    kind = np.where(size > 0, "up", "down")
    kind[110:] = "new"
    part = ["train" if row < 80 else "test" for row in range(120)]
    lines = [f"{size[row]:.4f},{kind[row]},{part[row]}" for row in range(120)]
    (folder / "data.csv").write_text("\n".join(["size,kind,split", *lines]))
    settings = {"rule": {"steps": 60, "rate": 0.05}, "model": {"name": "mlp", "hidden": [8]}}
    return tw.train(folder / "data.csv", target="kind", settings=settings, out=folder / "run", compare=False, check=False)


def test_evl_03_a_class_that_only_the_test_part_has_is_told_by_evaluate(run):
    with pytest.warns(tw.Note, match="no training row"):
        found = tw.evaluate(run)
    (said,) = found["notes"]
    assert said.startswith('10 of these 40 examples are of "new", of which no training row was: they cannot be known; accuracy')
    over_the_others = float(said.rsplit(": ", 1)[1].removesuffix(" %"))
    assert over_the_others == pytest.approx(100 * found["metric"]["value"] * 40 / 30, abs=0.1)
    assert over_the_others > 80


def test_evl_03_it_is_told_at_the_end_of_a_training_that_did_not_check(run):
    assert "of which no training row was" in run.results["notes"][0]


def test_evl_03_nothing_is_said_where_all_classes_were_learned(run, tmp_path):
    known = tmp_path / "known.csv"
    known.write_text("size,kind\n" + "".join(f"{0.01 + row / 7:.4f},up\n{-0.01 - row / 7:.4f},down\n" for row in range(20)))
    assert tw.evaluate(run, known)["notes"] == []
