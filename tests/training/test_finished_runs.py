"""What a run that ended says when it is asked to go on."""

import re

import pytest

from tests.packages.trained import table
from tests.refusing import expect_refusal
from tests.training.resuming import fitted
from thalweg import api
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.training.reopened import dataset_of_run
from thalweg.training.requested import run_settings


class Said(Talk):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, label: str, *lines: str) -> None:
        self.lines += [f"{label}: {line}" for line in lines]


def test_pkg_26_resuming_a_finished_run_says_that_it_is_complete_and_changes_nothing(tmp_path):
    asked = {"model": {"name": "mlp", "hidden": [4]}, "threads": 1}
    run = api.train(table(), settings=asked, steps=3, target="kind", out=tmp_path / "run", compare=False)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    said = Said()
    again = api.train(
        table(), settings=asked, steps=3, target="kind", out=tmp_path / "run", compare=False, resume=True, talk=said
    )
    assert again.path == run.path
    assert any("already complete" in line for line in said.lines)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_how_long_it_learned_is_told_as_the_run_said_it(tmp_path):
    settings = {"source": "iris", "model": {"name": "mlp", "hidden": [4]}, "rule": {"name": "backpropagation", "steps": 3}}
    said = Said()
    run = fitted(settings, tmp_path / "run", talk=said)
    learned = next(line for line in said.lines if line.startswith("learn: "))
    told = re.search(r"3 steps in ([0-9.]+) s$", learned)
    assert run.seconds > 0
    assert told is not None
    assert float(told[1]) == pytest.approx(run.seconds, abs=0.06)
    assert fitted(settings, tmp_path / "run", resume=True).seconds == pytest.approx(run.seconds, abs=0.001)


def test_data_that_a_run_held_in_memory_are_to_be_given_to_compare_and_to_evaluate(tmp_path):
    with expect_refusal("DATA_NOT_NAMED", exit_code=3) as caught:
        dataset_of_run(run_settings({}), RunFolder(tmp_path))
    assert "tw.compare(run, other, data)" in caught.value.fix
    assert "tw.evaluate(run, data)" in caught.value.fix
