"""Ways to answer: found once by trying both, remembered, turned off, and never another answer."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.packages.trained import Heard, inputs, trained
from thalweg.core.lanes import Lanes
from thalweg.data.catalogue import cache
from thalweg.packages import answering, ways
from thalweg.packages.package import Package, load_package

ROWS = 9 * 1024 + 5


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Package:
    """A net with normalised layers, which is no chain of dense layers."""
    model = {"name": "mlp", "hidden": [8], "normalisation": "batch"}
    return load_package(trained(tmp_path_factory.mktemp("run") / "run", model=model).folder.model)


@pytest.fixture(autouse=True)
def probing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two threads, and predictions of any length are long enough to try."""
    monkeypatch.setenv("THALWEG_SPEED", "probe")
    monkeypatch.setattr(answering, "LONG", 0.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def columns() -> dict[str, object]:
    given = inputs(120)
    return {name: [column[i % 120] for i in range(ROWS)] for name, column in given.items()}


def kept() -> list[Path]:
    return sorted(cache(of="speed").glob("answers-*.json"))


def test_what_was_found_is_remembered_and_answers_stay_the_same_bits(package: Package) -> None:
    first = package.predict(columns(), talk=Heard())
    [file] = kept()
    assert json.loads(file.read_text())["way"] in ("side by side", "within")
    second = package.predict(columns(), talk=Heard())
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert torch.get_num_threads() == 2


def test_what_is_remembered_is_not_tried_again(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    package.predict(columns(), talk=Heard())
    [file] = kept()
    plain = package.predict(columns(), talk=Heard())
    file.write_text('{"way": "within"}')
    monkeypatch.setattr(Lanes, "ahead", None)  # the other way would stop here
    within = package.predict(columns(), talk=Heard())
    assert np.array_equal(within["kind"], plain["kind"])
    np.testing.assert_allclose(within["probabilities"], plain["probabilities"], atol=1e-6)


def test_nothing_is_tried_where_that_is_turned_off_or_too_short(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    package.predict(inputs(), talk=Heard())
    monkeypatch.setattr(answering, "LONG", 1e9)
    package.predict(columns(), talk=Heard())
    monkeypatch.setattr(answering, "LONG", 0.0)
    monkeypatch.setenv("THALWEG_SPEED", "plain")
    package.predict(columns(), talk=Heard())
    assert not kept()


def test_a_file_that_cannot_be_read_is_tried_anew(package: Package) -> None:
    package.predict(columns(), talk=Heard())
    [file] = kept()
    file.write_text("[broken")
    package.predict(columns(), talk=Heard())
    assert json.loads(file.read_text())["way"] in ("side by side", "within")


@pytest.mark.parametrize(("slow", "best"), [("lane", "within"), ("MainThread", "side by side")])
def test_the_faster_way_is_found_by_the_clock(slow: str, best: str) -> None:
    now, lock = [0.0], threading.Lock()

    def act(part: int) -> int:
        with lock:
            now[0] += 2.0 if threading.current_thread().name.startswith(slow) else 1.0
        return 10 * part

    torch.set_num_threads(1)
    way, found = ways.tried(act, [1, 2], 2, clock=lambda: now[0])
    assert (way, found) == (best, [10, 20])
    assert torch.get_num_threads() == 1
