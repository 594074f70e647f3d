"""Tables whose rows name pictures: read, checked, learned from, and told where files and rows do not match."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.checks.planted import said
from tests.refusing import expect_refusal
from tests.training.resuming import assert_new_process_predicts_the_same, fitted
from thalweg.core.errors import DataRefusal
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

ROWS = 40
WORDS = [f"{size}{thing}" for size in ("big ", "small ") for thing in ("hand", "page", "stamp", "corner", "fold", "line")]


def table(folder: Path, *, missing: int = 0) -> Path:
    """Bright and dark scans with a remark, a date and a category; some of the first ones are not there."""
    generator = np.random.default_rng(0)
    (folder / "scans").mkdir()
    with (folder / "forms.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scan", "remark", "received", "desk", "lift", "answer"])
        for i in range(ROWS):
            shade = 200 if i % 2 else 40
            if i >= missing:
                Image.fromarray(generator.integers(shade - 30, shade + 30, (8, 8)).astype(np.uint8)).save(
                    folder / "scans" / f"{i}.png"
                )
            remark, date = " ".join(generator.choice(WORDS, 9)), f"2024-{1 + i % 12:02}-{1 + i % 28:02}"
            rows.writerow([f"scans/{i}.png", remark, date, "ab"[i // 2 % 2], i / 7, "bright" if i % 2 else "dark"])
    return folder / "forms.csv"


def test_pictures_texts_dates_categories_and_numbers_go_through_one_net(tmp_path):
    path = table(tmp_path)
    run = fitted({"source": str(path), "rule": {"steps": 4}}, tmp_path / "run")
    kinds = {port.kind for port in run.package.task.ports.inputs}
    assert kinds == {"image", "text", "dates", "categories", "numbers"}
    assert run.package.named["name"] == "tabular"
    given = {name: column[:3] for name, column in read(path).columns.items() if name != "answer"}
    given["scan"] = [str(one) for one in given["scan"]]
    assert_new_process_predicts_the_same(run, run.folder.model, given)


def test_img_17_rows_whose_picture_is_missing_are_left_out_and_listed(tmp_path):
    found = encode(read(table(tmp_path, missing=3)), DataSettings(), seed=0)
    [told] = [note for note in found.notes if "left out" in note]
    assert "3 of 40" in told
    assert "scans/0.png: no such file" in told


def test_img_17_more_than_a_fifth_of_missing_pictures_is_refused_by_name(tmp_path):
    with pytest.raises(DataRefusal) as caught:
        encode(read(table(tmp_path, missing=20)), DataSettings(), seed=0)
    assert caught.value.exit_code == 3
    assert "scans/0.png: no such file" in str(caught.value)


def test_img_17_pictures_that_no_row_names_are_listed(tmp_path):
    path = table(tmp_path)
    assert said("pictures-and-rows", read(path)) == []
    for name in ("extra.png", "more.jpg", "notes.txt"):
        (tmp_path / "scans" / name).write_bytes((tmp_path / "scans" / "0.png").read_bytes())
    [one] = said("pictures-and-rows", read(path))
    assert one.severity == "note"
    assert "2 pictures" in one.what
    assert "(extra.png, more.jpg)" in one.what


def test_img_17_names_of_pictures_none_of_which_is_there_are_no_text_unsaid(tmp_path):
    [one] = said("pictures-and-rows", read(table(tmp_path, missing=ROWS)))
    assert one.severity == "warn"
    assert '"scan" names pictures, but none of the 40 is there (scans/0.png' in one.what


def test_txt_06_a_row_without_its_question_answer_or_picture_is_named(tmp_path):
    path = table(tmp_path)
    columns = dict(read(path).columns)
    columns["remark"] = ["" if i == 4 else one for i, one in enumerate(columns["remark"])]
    columns["scan"] = [None if i == 6 else one for i, one in enumerate(columns["scan"])]
    found = " ".join(encode(Examples("forms", columns), DataSettings(), seed=0).notes)
    assert "remark: 1 texts without a word, rows 4" in found
    assert "1 of 40 left out, they cannot be read: row 6: missing" in found
    columns["answer"] = [None if i == 8 else one for i, one in enumerate(columns["answer"])]
    with expect_refusal("DATA_TARGET_MISSING", exit_code=3) as caught:
        encode(Examples("forms", columns), DataSettings(), seed=0)
    assert "rows 8" in caught.value.where


@pytest.mark.parametrize("gone", ["question", "answer"])
def test_txt_06_a_pair_of_sequences_that_lacks_one_is_named(gone):
    columns = {"question": [["a", "b"], ["c"]] * 20, "answer": [["b", "a"], ["c"]] * 20}
    columns[gone] = [None if i == 7 else one for i, one in enumerate(columns[gone])]
    with pytest.raises(DataRefusal, match="row"):
        encode(Examples("pairs", columns), DataSettings(target="answer"), seed=0)


def test_a_picture_is_found_wherever_it_stands_among_missing_ones(tmp_path):
    path = table(tmp_path)
    for i in range(0, ROWS, 2):  # the rows that a sample of every second would look at
        (tmp_path / "scans" / f"{i}.png").unlink()
    assert all(isinstance(value, Path) for value in read(path).columns["scan"])
