"""The tour: what it says is read again from what it left behind, without its own checks."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from sklearn.datasets import load_digits

from thalweg.core.errors import PackageRefusal
from thalweg.packages.package import load_package
from thalweg.verbs.look import check

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def tour(tmp_path_factory) -> tuple[Path, str]:
    """The folder that the tour worked in, and what it printed."""
    folder = tmp_path_factory.mktemp("tour")
    done = subprocess.run([sys.executable, EXAMPLES / "tour.py", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_each_step_holds_and_shows_the_command_that_it_ran(tour):
    folder, printed = tour
    assert "All steps hold." in printed
    steps = re.split(r"\n(?=\d\. )", printed.partition("All steps hold.")[0])[1:]
    assert len(steps) == 6
    assert all("\n  $ " in step for step in steps)
    assert str(folder) in printed


def test_the_planted_rows_are_those_that_the_check_names(tour):
    """What was planted is told by the data alone: labels that scikit-learn has otherwise, rows beyond its last."""
    folder, printed = tour
    digits = load_digits().target
    lines = (folder / "digits.csv").read_text().splitlines()[1:]
    labels = [int(line.split(",")[-2].removeprefix("digit ")) for line in lines]
    flipped = {row for row, digit in enumerate(digits) if labels[row] != digit}
    found = {one.code: set(one.rows) for one in check(folder / "digits.csv", target="digit").findings}
    assert found["DUPLICATES_ACROSS"] == set(range(len(digits), len(lines)))
    assert len(flipped) == 35
    named = len(flipped & found["LABELS_WRONG"])
    assert f"20 of 20 copies and {named} of 35 wrong labels found" in printed
    assert named >= 25


def test_the_killed_training_took_its_steps_up_and_has_the_same_bits(tour):
    folder, printed = tour
    files = [folder / run / "model" / "weights.safetensors" for run in ("whole", "killed")]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert digests[0] == digests[1]
    assert printed.count(digests[0]) == 2
    assert len(load_file(files[0])) > 5
    assert printed.count("killed after epoch") == 2
    assert int(re.search(r"resumed at step (\d+) of 340", printed)[1]) >= 200
    metrics = [(folder / run / "metrics.jsonl").read_text().splitlines() for run in ("whole", "killed")]
    assert len(metrics[0]) == len(metrics[1]) == 20


def test_the_damaged_package_differs_in_one_bit_and_is_refused(tour):
    folder, printed = tour
    sound, damaged = ((folder / one / "weights.safetensors").read_bytes() for one in ("whole/model", "damaged"))
    apart = [a ^ b for a, b in zip(sound, damaged, strict=True) if a != b]
    assert apart == [1]
    load_package(folder / "whole/model")
    with pytest.raises(PackageRefusal, match=r"weights\.safetensors"):
        load_package(folder / "damaged")
    assert "PACKAGE_DAMAGED" in printed


def test_the_softmax_is_named_in_the_loop_that_has_it_alone(tour):
    _, printed = tour
    wrong, mended = printed.partition("$ python softmax_twice.py --mended")[::2]
    assert "double-softmax" in wrong.partition("$ python softmax_twice.py\n")[2]
    assert "double-softmax" not in mended.partition("5. ")[0]


def test_the_model_of_one_file_was_trained_and_the_verdict_is_that_of_the_run(tour):
    folder, printed = tour
    own, whole = (json.loads((folder / run / "results.json").read_text()) for run in ("maxout", "whole"))
    assert own["metric"]["value"] > 0.95
    assert re.search(r"all \d+ contracts hold", printed)
    said = " ".join(printed.partition("6. A verdict")[2].split())
    assert " ".join(whole["verdict"]["sentence"].split()[:6]) in said
