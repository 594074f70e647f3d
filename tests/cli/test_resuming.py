"""A run that is resumed is the run that was asked for, and says where it goes on."""

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.test_interrupts import ASKED, interrupted_in
from thalweg import api
from thalweg.core.talk import Talk


@pytest.fixture
def unfinished(tmp_path):
    """A run without baselines on iris, 6 steps long, stopped after the fourth."""
    out = tmp_path / "run"
    with interrupted_in(4):
        api.train("iris", settings=ASKED, compare=False, out=out, talk=Talk())
    return out


def test_no_compare_is_remembered_and_the_step_is_told(line, unfinished):
    ran = line("train", "--resume", "--out", unfinished)
    assert ran.code == 0, ran.err
    told = f"resumed at step 4 of 6 from checkpoint {unfinished}/checkpoints/4"
    assert told.replace(" ", "") in "".join(ran.err.split())
    assert "baselines were not asked for" in ran.out
    assert json.loads((unfinished / "results.json").read_text())["baselines"] == []


def test_what_no_weight_depends_on_may_be_asked_for_anew_and_is_then_remembered(line, unfinished):
    ran = line("train", "--resume", "--out", unfinished, "--set", "compare=true")
    assert ran.code == 0, ran.err
    assert json.loads((unfinished / "results.json").read_text())["baselines"]
    assert yaml.safe_load((unfinished / "settings.yaml").read_text())["compare"] is True


def test_python_remembers_too(unfinished):
    run = api.train("iris", out=unfinished, resume=True)
    assert run.results["baselines"] == []
    assert run.fitted.steps == 6


def test_other_epochs_are_refused(line, unfinished):
    assert line.refused(2, "train", "--resume", "--out", unfinished, "--epochs", "9")["code"] == "RESUME_CHANGED"


def test_a_run_without_a_checkpoint_says_that_it_begins_anew(line, finished_run):
    Path("run").mkdir()
    for name in ("run.json", "settings.yaml"):
        Path("run", name).write_bytes((finished_run / name).read_bytes())
    Path("run/run.json").write_text(Path("run/run.json").read_text().replace('"finished": "', '"finished": null, "was": "'))
    ran = line("train", "--resume", "--out", "run")
    assert ran.code == 0, ran.err
    assert "no checkpoint was saved yet" in ran.err


def test_a_flag_wins_over_a_length_in_the_other_unit_and_that_is_told(line):
    Path("plan.yaml").write_text("rule: {steps: 7}\ncompare: false\nthreads: 1\n")
    ran = line("train", "iris", "--settings", "plan.yaml", "--epochs", "2", "--out", "a")
    assert ran.code == 0, ran.err
    assert "--epochs 2 wins over rule.steps = 7 in plan.yaml" in " ".join(ran.err.split())
    assert len(Path("a/metrics.jsonl").read_text().splitlines()) == 2


def test_the_log_of_a_resumed_run_tells_both_parts(line, unfinished):
    line("train", "--resume", "--out", unfinished)
    labels = [text.split()[1] for text in (unfinished / "log.txt").read_text().splitlines()]
    assert labels.count("resume") == 1
    assert labels.index("ended") < labels.index("resume") < labels.index("result") < labels.index("verdict")
