"""RUN-03, RUN-04: what is added to a run that has ended, where its disk is full or its folder is moved meanwhile."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.refusing import expect_refusal
from tests.training.test_full_disks import full_at
from thalweg import api
from thalweg.core.talk import Talk

ASKED: dict[str, Any] = {
    "model": "mlp",
    "rule": {"epochs": 3, "batch_size": 45},
    "threads": 1,
    "speed": "plain",
    "check": False,
}
ADDED: dict[str, Callable[..., Any]] = {
    "over_seeds": partial(api.compare, seeds=3),
    "by": partial(api.evaluate, by="petal width (cm)"),
}


class Moving(Talk):
    """Moves a folder once a seed has been judged; puts a copy into its place where that is asked for."""

    def __init__(self, out: Path, *, replaced: bool) -> None:
        self.out, self.replaced = out, replaced

    def say(self, label: str, *lines: str) -> None:
        if label == "seeds" and "2 of 3" in lines[0]:
            moved = self.out.with_name("moved")
            self.out.rename(moved)
            if self.replaced:
                shutil.copytree(moved, self.out)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended."""
    out = tmp_path_factory.mktemp("ended") / "run"
    api.train("iris", settings=ASKED, out=out, talk=Talk())
    return out


@pytest.fixture
def run(ended: Path, tmp_path: Path) -> Path:
    shutil.copytree(ended, tmp_path / "run")
    return tmp_path / "run"


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("part", ["results", "report"])
@pytest.mark.parametrize("key", ADDED)
def test_run_03_a_full_disk_leaves_results_whole_and_the_same_call_adds_to_them_later(run, key, part):
    before = held(run)
    with full_at(run, part) as tried, expect_refusal("DISK_FULL", exit_code=6) as caught:
        ADDED[key](run, talk=Talk())
    assert tried, "the file is written"
    assert caught.value.where.startswith(str(run))
    now = held(run)
    assert now["report.html"] == before["report.html"]
    assert (now["results.json"] == before["results.json"]) == (part == "results")
    assert not [name for name in now if ".tmp" in name], "nothing half-written remains"
    told = ADDED[key](run, talk=Talk())
    assert api.load(run).results[key]
    assert told[key]


@pytest.mark.parametrize("replaced", [False, True])
def test_run_04_a_run_that_is_moved_while_its_seeds_train_is_not_written_where_it_stood(run, replaced):
    before = held(run)
    with expect_refusal("RUN_FOLDER_GONE", exit_code=6) as caught:
        api.compare(run, seeds=3, talk=Moving(run, replaced=replaced))
    moved = run.with_name("moved")
    assert f"thalweg compare {moved} --seeds 3" in caught.value.fix
    assert "over_seeds" not in api.load(moved).results
    if replaced:
        assert {name: one for name, one in held(run).items() if not name.startswith("seeds/")} == {
            name: one for name, one in held(moved).items() if not name.startswith("seeds/")
        }
        assert held(run)["results.json"] == before["results.json"]
    else:
        assert not run.exists()
    told = api.compare(moved, seeds=3, talk=Talk())["over_seeds"]
    assert [one["seed"] for one in told["seeds"]] == [0, 1, 2]


def test_what_was_added_meanwhile_stays(run):
    class Adding(Talk):
        def say(self, label: str, *lines: str) -> None:
            if label == "seeds" and "2 of 3" in lines[0]:
                api.evaluate(run, by="petal width (cm)", talk=Talk())

    told = api.compare(run, seeds=3, talk=Adding())
    assert list(told["by"]) == ["petal width (cm)"]
    assert {"by", "over_seeds"} <= set(api.load(run).results)
