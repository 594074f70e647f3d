"""The verbs beside train: what they print, and what they refuse."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.cli.running import QUICK
from tests.cli.test_command_line import photos
from thalweg.cli.flags import Page
from thalweg.cli.listed import listed
from thalweg.cli.predict import _requested
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.tasks.language_modelling import Continuation


def test_a_copied_model_folder_alone_predicts(line, finished_run):
    shutil.copytree(finished_run / "model", "elsewhere")
    ran = line("predict", "elsewhere", "iris")
    assert ran.code == 0, ran.err
    rows = ran.out.splitlines()
    assert rows[0] == "species,probability,probability_setosa,probability_versicolor,probability_virginica"
    assert len(rows) == 151


def test_predictions_are_written_in_the_form_that_the_suffix_says(line, finished_run):
    for name in ("p.csv", "p.json", "p.npz"):
        ran = line("predict", finished_run, "iris", "--out", name)
        assert (ran.code, ran.out) == (0, f"150 rows: {name}\n")
    assert len(json.loads(Path("p.json").read_text())["species"]) == 150
    with np.load("p.npz", allow_pickle=False) as found:
        assert found["probabilities"].shape == (150, 3)
    assert Path("p.csv").read_text().count("\n") == 151


def test_predictions_are_not_written_over_a_file(line, finished_run):
    Path("p.csv").write_text("mine")
    assert line.refused(2, "predict", finished_run, "iris", "--out", "p.csv")["code"] == "OUT_EXISTS"
    assert Path("p.csv").read_text() == "mine"
    assert line("predict", finished_run, "iris", "--out", "p.csv", "--force").code == 0
    assert line.refused(2, "predict", finished_run, "iris", "--out", "p.xlsx")["code"] == "OUT_UNKNOWN_FORMAT"
    assert line.refused(2, "predict", finished_run, "iris", "--out", "p.png")["code"] == "OUT_NO_PICTURES"


def test_json_of_predictions_holds_every_column(line, finished_run):
    facts = json.loads(line("predict", finished_run, "iris", "--json").out)
    assert facts["rows"] == 150
    assert set(facts["predictions"]) == {"species", "probability", "probabilities"}
    classes = facts["names"]["probabilities"]
    likeliest = [classes[max(range(3), key=row.__getitem__)] for row in facts["predictions"]["probabilities"]]
    assert likeliest == [f"probability_{name}" for name in facts["predictions"]["species"]]


def test_a_request_that_the_task_does_not_know_is_refused(line, finished_run):
    told = line.refused(2, "predict", finished_run, "iris", "--beams", "4")
    assert "beams" in told["what"]


def test_predict_without_input_asks_for_it(line, finished_run):
    assert line.refused(2, "predict", finished_run)["code"] == "PREDICT_NO_INPUT"


def test_what_is_no_run_is_refused(line):
    for verb in ("predict", "evaluate", "report", "doctor"):
        assert line.refused(2, verb, "nothing-here")["code"] == "RUN_NOT_FOUND"


def test_a_folder_of_pictures_is_learned_and_predicted(line):
    photos(Path("photos"))
    ran = line("train", "photos", "--out", "a", *QUICK)
    assert ran.code == 0, ran.err
    ran = line("predict", "a", "photos")
    assert ran.code == 0, ran.err
    assert len(ran.out.splitlines()) == 41


def test_evaluate_shows_each_metric_with_its_interval(line, finished_run):
    ran = line("evaluate", finished_run)
    assert ran.code == 0
    assert "95 % interval" in ran.out
    assert {"accuracy", "log"} <= {row.split()[0] for row in ran.out.splitlines()[1:]}
    facts = json.loads(line("evaluate", finished_run, "--json").out)
    assert facts["metrics"] == json.loads((finished_run / "results.json").read_text())["metrics"]


def test_evaluate_on_other_data_counts_them_all_and_notes_which_were_learned_from(line, finished_run):
    facts = json.loads(line("evaluate", finished_run, "iris", "--i-know", "--json").out)
    assert (facts["part"], facts["examples"]) == ("data", 150)
    assert "has learned from" in facts["notes"][0]
    assert "of these 150 rows" in facts["notes"][0]


def test_rows_that_were_learned_from_are_measured_only_by_who_says_so(line, finished_run):
    told = line.refused(3, "evaluate", finished_run, "iris")
    assert told["code"] == "EVALUATE_LEARNED"
    assert "--i-know" in told["fix"]


@pytest.mark.parametrize("left", [0, 60, 200, -8])
def test_what_a_run_kept_of_the_rows_it_learned_is_refused_where_it_is_damaged(line, tmp_path, finished_run, left):
    copy = shutil.copytree(finished_run, tmp_path / "copy")
    (copy / "learned.npy").write_bytes((copy / "learned.npy").read_bytes()[:left])
    told = line.refused(4, "evaluate", copy, "iris")
    assert told["code"] == "LEARNED_DAMAGED"
    assert "learned.npy" in told["what"]
    (copy / "learned.npy").unlink()
    assert "was trained on data of this name" in " ".join(line("evaluate", copy, "iris").err.split())


def test_report_says_where_it_is(line, finished_run):
    ran = line("report", finished_run)
    assert ran.out.strip() == str(finished_run / "report.html")
    assert Path(ran.out.strip()).exists()


@pytest.mark.parametrize("sort", sorted(registry.ROOMS))
def test_every_sort_is_listed_in_the_singular_and_the_plural(line, sort):
    plural = registry.plural(sort)
    one, several = line("list", sort), line("list", plural)
    assert (one.code, one.out) == (0, several.out)
    facts = json.loads(line("list", plural, "--json").out)
    assert {part["name"] for part in facts[plural]} == set(registry.parts(sort))


def test_datasets_are_the_sources_that_have_a_name(line):
    names = {row.split()[0] for row in line("list", "datasets").out.splitlines()}
    assert {"digits", "iris", "diabetes"} <= names
    assert "arrays" not in names


def test_an_unknown_sort_names_the_nearest(line):
    assert "models" in line.refused(2, "list", "modles")["fix"]


def test_info_tells_settings_with_defaults_and_ranges(line):
    ran = line("info", "mlp")
    assert "hidden = [128, 64]" in ran.out
    assert "dropout = 0.0   >= 0 and < 1" in ran.out
    assert "parameters for" in ran.out
    (part,) = json.loads(line("info", "mlp", "--json").out)["parts"]
    assert part["sort"] == "model"


@pytest.mark.parametrize("name", ["cross-entropy", "cross_entropy", "digits", "adamw", "accuracy", "relu", "cosine"])
def test_info_knows_parts_of_every_sort(line, name):
    ran = line("info", name)
    assert ran.code == 0, ran.err
    assert name.replace("_", "-") in ran.out


def test_info_of_an_unknown_name_names_the_nearest(line):
    assert "lenet5" in line.refused(2, "info", "lenet6")["fix"]


def test_info_of_a_run_and_of_a_package_says_what_they_hold(line, finished_run):
    ran = line("info", finished_run)
    assert "finished" in ran.out
    assert "classification" in ran.out
    facts = json.loads(line("info", finished_run / "model", "--json").out)
    assert facts["task"] == "classification"


def test_doctor_looks_at_the_installation_and_at_a_run(line, finished_run):
    assert "torch" in line("doctor").out
    facts = json.loads(line("doctor", finished_run, "--json").out)
    assert set(facts) == {"facts", "findings"}


def flipped(file: Path) -> None:
    """Change one byte in the middle of a file."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def test_doctor_says_that_it_looked_at_every_byte_of_package_and_checkpoints(line, finished_run):
    facts = json.loads(line("doctor", finished_run, "--json").out)["facts"]
    assert "3 files" in facts["package"]
    assert all("as their digests say" in facts[name] for name in ("package", "checkpoints"))
    assert re.fullmatch(r"2 evaluations, [1-9]\d* steps from within", facts["looked at"])


@pytest.mark.parametrize("name", ["model/weights.safetensors", "model/package.json", "checkpoints"])
def test_doctor_names_a_changed_byte_and_ends_as_a_damaged_package_does(line, finished_run, name):
    shutil.copytree(finished_run, "run")
    place = Path("run", name)
    file = place if place.is_file() else next(place.glob("*/*.safetensors"))
    flipped(file)
    ran = line("doctor", "run")
    assert ran.code == 4
    assert f"{file.name}: expected sha256" in " ".join(ran.out.split())
    assert f"where: {file.parent}" in ran.out
    (found,) = json.loads(line("doctor", "run", "--json").out)["findings"]
    assert (found["code"], found["severity"]) == ("PACKAGE_DAMAGED", "error")


def test_doctor_names_a_file_that_is_missing(line, finished_run):
    shutil.copytree(finished_run, "run")
    Path("run/model/weights.safetensors").unlink()
    ran = line("doctor", "run")
    assert ran.code == 4
    assert "weights.safetensors: missing" in ran.out
    shutil.rmtree("run/model")
    assert line("doctor", "run").code == 4


def test_check_part_refuses_what_is_no_part(line):
    Path("mine.py").write_text("x = 1\n")
    assert line.refused(2, "check-part", "mine.py")
    assert line.refused(2, "check-part", "absent.py")["code"] == "PART_NO_FILE"


def test_an_npz_of_arrays_is_learned(line):
    x = np.random.default_rng(0).normal(size=(120, 3)).astype(np.float32)
    np.savez("numbers.npz", x=x, y=x @ np.array([1.0, 2.0, 3.0]))
    ran = line("train", "numbers.npz", "--field", "x=number", *QUICK, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["run"] == "runs/numbers"


@pytest.mark.parametrize("sort", [*sorted(registry.ROOMS), "datasets"])
@pytest.mark.parametrize("width", [80, 40])
def test_lists_keep_to_the_width_where_somebody_looks_and_leave_no_word_out(sort, width):
    watched, piped = (listed(sort, Page(width, looked)).lines for looked in (True, False))
    assert max(map(len, watched), default=0) <= width
    assert " ".join(watched).split() == " ".join(piped).split()


def test_what_is_told_to_do_next_with_a_model_of_language_does_it(line):
    small = ("--set", "model.layers=1", "--set", "model.width=16", "--set", "model.heads=2")
    ran = line("train", "sentences", "--steps", "3", *small, "--no-compare", "--out", "a run")
    assert "thalweg predict 'a run' --prompt TEXT" in ran.out
    told = line("predict", "a run", "--prompt", "a cat", "--length", "4", "--json")
    assert json.loads(told.out)["predictions"]["text"][0].startswith("a cat")


def test_a_flag_that_takes_a_text_is_refused_without_one():
    assert _requested({"prompt": "--"}, Continuation) == {"prompt": "--"}
    with pytest.raises(UsageRefusal) as caught:
        _requested({"prompt": None}, Continuation)
    assert caught.value.code == "FLAG_NO_TEXT"
    assert _requested({"samples": None}, Continuation) == {"samples": True}
