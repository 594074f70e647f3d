"""Whatever stands in the files in which a run tells of itself without digests, it is told, gone on with, or refused (R16)."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import strategies as st

import thalweg as tw
from tests.golden.make import HERE
from tests.reliability.drawn import assert_only_refusals, edited, in_json, near
from tests.reliability.figures import sized
from thalweg.verbs.look import described

TOLD = (
    "data.json",
    "results.json",
    "metrics.jsonl",
    "trace.jsonl",
    "run.json",
    "environment.json",
    "settings.yaml",
    "plan.json",
)
DOORS: tuple[Callable[[Path], Any], ...] = (tw.doctor, described, tw.report, lambda run: tw.load(run).results)
PLAN = {"version": 1, "lengths": [{"stage": 0, "step": 3, "total": 9}], "found": {"rate": {"suggested": 0.1}}, "seconds": None}
ONCE = {
    ".json": [b"null", b"[]", b"3"],
    ".jsonl": [b"null\n", b"\xff\xfe\n", b"no json\n", b'{"loss": "x"}\n' * 5],
    ".yaml": [b"- 1\n", b"own: 3\n", b"stages: 3\n", b"chosen: 1\n", b"model: {settings: 3}\n"],
}
"""What ended in a traceback once, by the kind of file."""


def contents(name: str, whole: bytes) -> st.SearchStrategy[bytes]:
    """What may stand in a file of that name: near what stands there, or anything."""
    if name.endswith(".json"):
        others = edited(json.loads(whole)).map(in_json)
    elif name.endswith(".jsonl"):
        others = edited([json.loads(line) for line in whole.splitlines()]).map(_in_lines)
    else:
        others = edited(yaml.safe_load(whole)).map(lambda value: yaml.safe_dump(value).encode("utf-8", "replace"))
    return near(whole) | st.binary(max_size=40) | others


def _in_lines(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    return b"".join(in_json(one) + b"\n" for one in (value if isinstance(value, list) else [value]))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all that a run writes."""
    out = tmp_path_factory.mktemp("run") / "run"
    asked: dict[str, Any] = {"find_lr": "tell", "profile": True, "margin": "2%", "epochs": 4}
    return tw.train("iris", model={"name": "mlp", "hidden": [4]}, out=out, **asked).path


@pytest.mark.parametrize("name", TOLD)
def test_r16_whatever_a_finished_run_says_of_itself_is_told_or_refused(name, finished, tmp_path):
    run = shutil.copytree(finished, tmp_path / "run")
    once = ONCE[Path(name).suffix]
    for door in DOORS:

        def opened(content: bytes, door: Callable[[Path], Any] = door) -> None:
            (run / name).write_bytes(content)
            door(run)

        assert_only_refusals(contents(name, (finished / name).read_bytes()), opened, count=sized(4, 200), once=once)


@pytest.mark.parametrize("name", TOLD)
def test_r16_whatever_an_unfinished_run_says_of_itself_it_goes_on_or_is_refused(name, tmp_path):
    stopped = HERE / "run_1"

    def gone_on(content: bytes) -> None:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        run = shutil.copytree(stopped, tmp_path / "run")
        (run / name).write_bytes(content)
        tw.train("iris", out=run, resume=True)

    whole = (stopped / name).read_bytes() if (stopped / name).exists() else in_json(PLAN)
    assert_only_refusals(contents(name, whole), gone_on, count=sized(2, 60), once=ONCE[Path(name).suffix])
