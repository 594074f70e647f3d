"""R15: bombs and traversals are refused before memory or time is taken for them, and nothing is written where it should not."""

import contextlib
import io
import os
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_process import Fresh
from tests.lint_refusal import assert_sound_refusal
from tests.reliability import bombs_of_data, bombs_of_models
from tests.reliability.figures import WHOLE, Row
from tests.reliability.forged import MIB, TABLE
from thalweg.core.foreign.child import MOST_MEMORY

MOST_SECONDS, MOST_GROWTH = 2.0, 64.0
ROW = Row(
    "R15",
    "bombs and traversals given to the command line: refused, nothing written; seconds of processor, growth of the peak in MB",
    "Keras: 4 GiB or 100 times for a member of a zip, 256 MiB free",
)
BOMBS = {**bombs_of_data.MAKERS, **bombs_of_models.MAKERS}
SMALL = (
    "zip_deflate", "zip_overlap", "zip_traversal", "zip_many_members", "npz_shape", "parquet_one_value", "arrow_zeros",
    "png_large", "json_deep", "yaml_aliases", "safetensors_many", "torch_strides_of_zero", "torch_containers", "gzip_of_text",
    "package_many_files",
)  # fmt: skip
SHARES = 3 if WHOLE else 1
TRIED = tuple(BOMBS) if WHOLE else SMALL


def peak(of: str) -> float:
    """What this process takes in MB, now (VmRSS) or at most since that was asked to begin anew (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{of}:"))


def processor() -> float:
    return sum(os.times()[:4])


def line(arguments: list[str]) -> tuple[int, str]:
    """A command line within this process: its exit code and what it said."""
    from thalweg.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        return main(arguments), said.getvalue()


def warmed(folder: Path) -> None:
    """Do all that is done below once with files that are as they should be, so that libraries are loaded."""
    import numpy as np
    import pyarrow
    import torch
    from openpyxl import Workbook
    from PIL import Image
    from pyarrow import feather, parquet

    from thalweg.core.tensors import tensors_to_bytes

    (folder / "a.csv").write_bytes(TABLE)
    columns = {"a": np.arange(40.0), "class": np.arange(40) % 2}
    np.savez(folder / "a.npz", x=np.zeros((40, 3)), y=np.arange(40) % 2)
    parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
    feather.write_feather(pyarrow.table(columns), folder / "a.arrow", compression="zstd")
    book = Workbook()
    for row in zip(*columns.values(), strict=True):
        book.active.append([float(one) for one in row])
    book.save(folder / "a.xlsx")
    (folder / "a.json").write_text('[{"a": 1, "b": 2}, {"a": 2, "b": 1}]')
    for name in ("cat", "dog"):
        (folder / "p" / name).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(np.full((8, 8), 20 * i, np.uint8)).save(folder / "p" / name / f"{i}.png")
    torch.save({"weight": torch.zeros(3)}, folder / "a.pt")
    (folder / "a.safetensors").write_bytes(tensors_to_bytes({"weight": torch.zeros(3)}))
    for name in ("a.csv", "a.npz", "a.parquet", "a.arrow", "a.xlsx", "a.json"):
        line(["check", str(folder / name)])
    for name in ("a.pt", "a.safetensors"):
        line(["import-weights", str(folder / name), "--out", str(folder / "b.safetensors"), "--force"])
    (folder / "s.yaml").write_text("epochs: 1")
    quick = ["--epochs", "1", "--no-compare"]
    line(["train", "iris", "--settings", str(folder / "s.yaml"), "--out", str(folder / "run"), *quick])
    line(["train", str(folder / "p"), "--out", str(folder / "pictures"), *quick])
    line(["predict", str(folder / "run"), "iris"])


def everything(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def childs(arguments: list[str]) -> float:
    """MB that the system lets the child have beyond what it begins with, where there is one (its own peak begins with ours)."""
    return (MOST_MEMORY + 2 * Path(arguments[1]).stat().st_size) / MIB if arguments[0] == "import-weights" else 0.0


def refused(folder: str, given: dict[str, list[str]]) -> list[dict[str, Any]]:
    """What came of each bomb, one after the other in this process."""
    own = Path(folder)
    os.chdir(own)
    (own / "warm").mkdir()
    warmed(own / "warm")
    told = []
    for name, arguments in given.items():
        before = everything(own) | set(map(str, Path("/tmp").glob("escaped*")))
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        held, began = peak("VmRSS"), processor()
        code, said = line(arguments)
        further = (everything(own) | set(map(str, Path("/tmp").glob("escaped*")))) - before
        facts = {"name": name, "code": code, "said": said, "seconds": processor() - began, "further": sorted(further)}
        told.append({**facts, "growth": max(peak("VmHWM") - held, childs(arguments))})
    return told


@pytest.mark.parametrize("share", range(SHARES))
def test_bombs_and_traversals_are_refused_within_2_seconds_and_64_megabytes(tmp_path, share):
    names = list(TRIED)[share::SHARES]
    for name in ("private", *names):
        (tmp_path / name).mkdir()
    lines = {name: BOMBS[name](tmp_path / name) for name in names}  # here: who makes a bomb has taken its memory before
    given = {"TMPDIR": str(tmp_path / "private"), "XDG_CACHE_HOME": str(tmp_path / "cache"), "THALWEG_SPEED": "plain"}
    told = Fresh(refused, str(tmp_path), lines, **given).answer()
    assert [one["name"] for one in told] == names
    for one in told:
        assert_sound_refusal(one["code"], one["said"])
        assert one["code"] in (2, 3, 4, 6), one
        assert one["seconds"] <= MOST_SECONDS, one
        assert one["growth"] <= MOST_GROWTH, one
        assert one["further"] == [], one
        ROW.note(1, 1, seconds=one["seconds"], growth_mb=one["growth"])
    assert list((tmp_path / "private").iterdir()) == []


def test_there_are_forty_bombs_and_more():
    assert len(BOMBS) >= 40
    assert set(SMALL) <= set(BOMBS)
