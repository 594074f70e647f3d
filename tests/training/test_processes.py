"""Two processes give the weights of one with the same global batch, and only the first of them writes and talks."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fresh_process import Fresh
from tests.training.two_processes import main

IRIS = {"source": "iris", "model": {"name": "mlp", "hidden": [8]}, "evaluate_every": 4}
CASES = {
    "plain descent in float32": {
        **IRIS,
        "rule": {"steps": 12, "batch_size": 30, "optimizer": "sgd", "rate": 0.1, "schedule": "constant"},
    },
    "plain descent in two parts": {
        **IRIS,
        "rule": {"steps": 8, "batch_size": 31, "optimizer": "sgd", "rate": 0.1, "accumulate": 2},
    },
    "Adam in float64, averaged": {
        **IRIS,
        "precision": "float64",
        "rule": {"steps": 12, "batch_size": 30, "optimizer": "adam", "rate": 0.01, "average": 0.9},
    },
    "a self-organising map": {
        "source": "iris",
        "task": "quantisation",
        "model": {"name": "map", "rows": 3, "columns": 4},
        "precision": "float64",
        "rule": {"steps": 12, "batch_size": 30},
    },
    "flow matching on a domain": {
        "source": "two-moons",
        "model": {"name": "velocity-field", "hidden": [16]},
        "precision": "float64",
        "rule": {"steps": 10, "batch_size": 33},
        "evaluate_every": 10,
    },
}


WARNED = {
    "dropout": {"model": {"name": "mlp", "hidden": [8], "dropout": 0.2}},
    "batch normalisation": {"model": {"name": "mlp", "hidden": [8], "normalisation": "batch"}},
    "line search": {"rule": {"steps": 3, "batch_size": 30, "optimizer": "lbfgs"}},
}
FEW = {"split": {"train": 0.94, "validation": 0.005, "calibration": 0.005, "test": 0.05}}
RUNS = {
    **CASES,
    **{word: {**IRIS, "rule": {"steps": 3, "batch_size": 30}, **changed} for word, changed in WARNED.items()},
    "rows that cannot be shared out evenly": {**IRIS, "rule": {"epochs": 3, "batch_size": 7}},
    "a batch of one row": {**IRIS, "rule": {"steps": 2, "batch_size": 1}},
    "one row to validate": {**IRIS, "data": FEW, "rule": {"steps": 4, "batch_size": 30}},
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def started(folder: Path, world: int) -> list[Fresh]:
    """Processes as a launcher starts them, each doing all runs one after another."""
    folder.mkdir()
    (folder / "runs.json").write_text(json.dumps(RUNS))
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(world)}
    return [Fresh(main, folder / "runs.json", folder, **shared, RANK=str(rank), LOCAL_RANK=str(rank)) for rank in range(world)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where one process (`1`) and two processes (`2`) have done all runs."""
    folder = tmp_path_factory.mktemp("processes")
    for one in [one for world in (1, 2) for one in started(folder / str(world), world)]:
        one.answer()
    return folder


def found(folder: Path, world: int, run: str) -> list[dict[str, Any]]:
    return [json.loads((folder / str(world) / run / f"rank-{rank}.json").read_text()) for rank in range(world)]


def flat(weights: Any) -> np.ndarray:
    if isinstance(weights, dict):
        return np.concatenate([flat(one) for one in weights.values()])
    return np.asarray(weights, dtype=float).reshape(-1)


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    ours, theirs = flat(one["weights"]), flat(other["weights"])
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(ours))


@pytest.mark.parametrize("case", CASES)
def test_two_processes_give_the_weights_and_figures_of_one(case, folder):
    [alone], together = found(folder, 1, case), found(folder, 2, case)
    assert apart(alone, together[0]) < 1e-6
    assert flat(together[0]["weights"]).tolist() == flat(together[1]["weights"]).tolist()
    assert together[0]["steps"] == alone["steps"]
    for ours, theirs in zip(alone["history"], together[0]["history"], strict=True):
        measured = sorted(name for name in ours if name.startswith("validation."))
        assert measured
        assert [theirs[name] for name in measured] == pytest.approx([ours[name] for name in measured], rel=1e-5)


def test_only_the_first_process_talks_and_writes(folder):
    first, second = found(folder, 2, "plain descent in float32")
    assert first["said"]
    assert not second["said"]
    run = folder / "2" / "plain descent in float32" / "run"
    assert (run / "model" / "weights.safetensors").exists()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8, 12]
    assert json.loads((run / "environment.json").read_text())["processes"] == 2


@pytest.mark.parametrize("word", WARNED)
def test_what_depends_on_the_number_of_processes_says_so_in_one_line(word, folder):
    first, second = found(folder, 2, word)
    assert len([text for text in first["warned"] if word in text]) == 1
    assert not second["warned"]
    assert not any(word in text for text in found(folder, 1, word)[0]["warned"])


def test_fewer_validation_rows_than_processes_are_measured_all_the_same(folder):
    [alone], together = found(folder, 1, "one row to validate"), found(folder, 2, "one row to validate")
    assert [line["validation.accuracy"] for line in together[0]["history"]] == [
        line["validation.accuracy"] for line in alone["history"]
    ]


def test_run_11_rows_that_cannot_be_shared_out_evenly_are_read_once_each(folder):
    [alone], (first, second) = (found(folder, world, "rows that cannot be shared out evenly") for world in (1, 2))
    epochs: dict[int, list[int]] = {}
    sizes = set()
    for whole, ours, theirs in zip(alone["rows"], first["rows"], second["rows"], strict=True):
        assert ours[:2] == theirs[:2] == whole[:2]
        assert ours[2] + theirs[2] == whole[2], "no row falls to both, none to neither"
        epochs.setdefault(whole[1], []).extend(whole[2])
        sizes.add((len(ours[2]), len(theirs[2])))
    assert {abs(mine - yours) for mine, yours in sizes} == {0, 1}, "shares are uneven, and by one row at most"
    assert len(epochs) == 3
    assert all(len(set(rows)) == len(rows) and set(rows) == set(epochs[0]) for rows in epochs.values())


def test_run_11_more_processes_than_rows_of_a_batch_are_refused_by_all_of_them(folder):
    for told in found(folder, 2, "a batch of one row"):
        assert told["refused"]["code"] == "BATCH_TOO_SMALL"
        assert "1 rows cannot be shared by 2 processes" in told["refused"]["what"]
        assert "--batch-size 2" in told["refused"]["fix"]
    assert "refused" not in found(folder, 1, "a batch of one row")[0]
