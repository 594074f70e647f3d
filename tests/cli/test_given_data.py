"""What `predict` and `evaluate` are given: arrays read as in training, single files, broken files, packages alone."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.running import QUICK
from tests.cli.test_command_line import photos
from thalweg.cli import main
from thalweg.core.run_folder import RunFolder


@pytest.fixture(scope="session")
def photo_run(tmp_path_factory):
    """A run on pictures in folders of classes that ended, beside its `photos`."""
    top = tmp_path_factory.mktemp("pictures")
    photos(top / "photos")
    assert main(["train", str(top / "photos"), "--out", str(top / "run"), *QUICK]) == 0
    return top / "run"


def numbers(path: str) -> np.ndarray:
    """An .npz of rows of three floats."""
    x = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    np.savez(path, x=x, y=(x.sum(1) > 0).astype(int))
    return x


def test_rows_of_floats_become_numbers_by_the_option_that_the_first_lines_name(line):
    numbers("rows.npz")
    quick = [one for one in QUICK if one != "--quiet"]
    said = line("train", "rows.npz", "--threads", "1", "--no-compare", "--out", "series").err
    assert "is read as a series of 3 steps" in said
    assert "--field x=number" in said
    ran = line("train", "rows.npz", "--field", "x=number", "--out", "numbers", *quick)
    assert ran.code == 0, ran.err
    assert "3 inputs" in ran.err
    assert "series" not in ran.err
    assert (Path("numbers") / "report.html").exists()


def test_a_file_of_arrays_is_read_for_a_model_as_it_was_read_when_that_was_trained(line):
    x = numbers("rows.npz")
    assert line("train", "rows.npz", "--field", "x=number", "--out", "numbers", *QUICK).code == 0
    np.savez("new.npz", x=x[:7])
    shutil.copytree("numbers/model", "copied")
    for model in ("numbers", "copied"):
        ran = line("predict", model, "new.npz")
        assert ran.code == 0, ran.err
        assert len(ran.out.splitlines()) == 8
        ran = line("evaluate", model, "rows.npz", "--i-know", "--json")
        assert json.loads(ran.out)["examples"] == 120, ran


def test_a_picture_file_is_predicted_and_named(line, photo_run):
    one = photo_run.parent / "photos" / "dark" / "3.png"
    ran = line("predict", photo_run, one)
    assert ran.code == 0, ran.err
    head, row = csv.reader(ran.out.splitlines())
    assert head == ["file", "class", "probability", "probability_bright", "probability_dark"]
    assert row[0] == str(one)


def test_several_pictures_are_predicted_in_the_order_in_which_they_are_given(line, photo_run):
    files = [photo_run.parent / "photos" / name for name in ("dark/3.png", "bright/4.png", "dark/1.png")]
    ran = line("predict", photo_run, *files)
    assert ran.code == 0, ran.err
    assert [row["file"] for row in csv.DictReader(ran.out.splitlines())] == [str(file) for file in files]
    assert line("predict", photo_run / "model", *files).out == ran.out


def test_a_grey_picture_is_predicted_by_a_model_of_arrays(line):
    assert line("train", "digits", "--out", "digits", "--steps", "2", *QUICK[2:]).code == 0
    Image.fromarray(np.full((8, 8), 90, dtype=np.uint8)).save("mine.png")
    ran = line("predict", "digits", "mine.png")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].startswith("mine.png,")


def test_a_single_picture_is_no_dataset(line, photo_run):
    one = photo_run.parent / "photos" / "dark" / "3.png"
    assert line.refused(3, "train", one)["code"] == "DATA_TOO_FEW_ROWS"


def test_a_broken_file_among_many_is_left_out_of_predictions_and_figures_and_said(line, photo_run):
    shutil.copytree(photo_run.parent / "photos", "photos")
    Path("photos/dark/5.png").write_bytes(b"\x89PNG broken")
    ran = line("predict", photo_run, "photos")
    assert ran.code == 0, ran.err
    assert "1 of 40 left out" in ran.err
    files = [row["file"] for row in csv.DictReader(ran.out.splitlines())]
    assert len(files) == 39
    assert "photos/dark/5.png" not in files
    ran = line("evaluate", photo_run, "photos", "--i-know")
    assert ran.code == 0, ran.err
    assert "1 of 40 left out" in ran.err
    assert "measured on 39 examples" in ran.err
    for verb in ("predict", "evaluate"):
        assert line.refused(3, verb, photo_run, "photos", "--on-bad-file", "refuse")["code"] == "DATA_BAD_PICTURES"
        assert "skip" in line.refused(2, verb, photo_run, "photos", "--on-bad-file", "skp")["what"]


def test_a_package_alone_is_measured_on_data_and_needs_some(line, finished_run):
    shutil.copytree(finished_run / "model", "model")
    ran = line("evaluate", "model", "iris")
    assert ran.code == 0, ran.err
    assert "measured on 150 examples: all that iris gives" in ran.err
    assert "rows that it learned from flatter the figures" in " ".join(ran.err.split())
    assert "DATA" in line.refused(2, "evaluate", "model")["fix"]


def test_a_run_that_has_not_finished_says_so_and_how_to_go_on(line):
    RunFolder.create(Path("half"))
    for arguments in (("predict", "half", "iris"), ("evaluate", "half", "iris")):
        told = line.refused(2, *arguments)
        assert told["code"] == "RUN_UNFINISHED"
        assert "thalweg train --resume --out half" in told["fix"]


def test_pictures_that_a_model_makes_are_told_and_not_printed(line):
    drawn = np.random.default_rng(0)
    np.savez("small.npz", images=drawn.integers(0, 255, (60, 6, 5), dtype=np.uint8), labels=np.arange(60) % 2)
    ran = line("train", "small.npz", "--task", "conditional-synthesis", "--steps", "2", "--out", "made", *QUICK[2:])
    assert ran.code == 0, ran.err
    ran = line("predict", "made", "--samples", "4", "--condition", "1")
    assert ran.out.splitlines() == [
        "images: 4 grey pictures of 5 × 6 pixels",
        "to write them: thalweg predict made --samples 4 --condition 1 --out pictures.png",
    ]
    assert line(*ran.out.splitlines()[1].split()[4:]).code == 0
    assert len(list(Path("pictures").iterdir())) == 4
    assert np.shape(json.loads(line("predict", "made", "--samples", "4", "--json").out)["predictions"]["images"]) == (4, 6, 5)
