"""Whatever stands in a file or a settings file that is read, only refusals come of it (R16)."""

import json
import shutil
import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import strategies as st

import thalweg as tw
from tests.reliability.drawn import assert_only_refusals, edited, in_json, near, values
from tests.reliability.figures import sized
from tests.reliability.mutations import sealed_again
from thalweg.core.run_folder import RunFolder
from thalweg.core.run_lock import take_lock
from thalweg.core.strict_json import parse_json
from thalweg.core.strict_yaml import parse_yaml
from thalweg.core.tensors import pack, tensors_from_bytes, tensors_to_bytes, unpack
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.data.schema import schema_of
from thalweg.data.settings import DataSettings
from thalweg.packages.package import load_package
from thalweg.training.planned import Planned
from thalweg.training.requested import run_settings

COUNT = sized(40, 2000)


def test_r16_any_bytes_are_json_or_refused():
    texts = st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    written = edited({"a": [1, {"b": 2.5}], "c": None}).map(in_json)
    drawn = st.binary(max_size=60) | texts | values.map(repr).map(str.encode) | written.flatmap(near)
    assert_only_refusals(drawn, lambda data: parse_json(data, where="here"), count=COUNT)


YAML = yaml.safe_dump({"model": {"name": "mlp", "hidden": [4]}, "rule": {"rate": 1e-3}, "data": {"target": "y"}}).encode()


def test_r16_any_text_is_yaml_or_refused():
    drawn = st.text(max_size=60) | near(YAML).map(lambda data: data.decode("utf-8", "replace"))
    assert_only_refusals(drawn, lambda text: parse_yaml(text, where="here"), count=COUNT)


RULE: dict[str, Any] = {"name": "backpropagation", "settings": {"optimizer": {"name": "adamw", "rate": 0.1}}}
ASKED: dict[str, Any] = {
    "version": 1,
    "source": "iris",
    "data": {"target": "species", "fields": {"a": "number"}, "split": {"train": 0.5, "test": 0.5}, "missing": ["?"]},
    "model": {"name": "mlp", "settings": {"hidden": [4]}},
    "task": "classification",
    "rule": RULE,
    "stages": [{"rule": {"clip": 2}, "only": None}],
    "stopping": {"patience": 3},
    "augment": None,
    "seed": 3,
    "speed": "plain",
    "margin": "2%",
}
WAYS: dict[str, dict[str, Any]] = {
    "asked": ASKED,
    "timed": ASKED | {"time_limit": "5m"},
    "written": ASKED | {"rule": None, "chosen": {"task": {"name": "regression"}, "rule": RULE}, "own": {"model": "Net"}},
    "sought": ASKED
    | {"rule": {"rate": "auto", "settings": {}}, "find_lr": "use", "chosen": {"rule": {"settings": {"rate": 0.1}}}},
    "filled": ASKED | {"weights": "resnet18", "model": {"settings": {}}, "rule": {"epochs": 2}, "stages": None},
}
"""Settings of different origins: what is looked into before they are validated differs."""


@pytest.mark.parametrize("way", WAYS)
def test_r16_any_settings_are_read_or_refused(way):
    once = [
        ASKED | {"model": {"name": "mlp", "settings": 3}},
        ASKED | {"rule": {"settings": "x"}},
        ASKED | {"rule": {"settings": [1]}, "time_limit": "5m"},
        ASKED | {"stages": [{"rule": {"settings": 3}}], "time_limit": "5m"},
        ASKED | {"model": [1], "weights": "resnet18"},
        ASKED | {"data": "x", "weights": "resnet18"},
        ASKED | {"chosen": 1e-09},
        ASKED | {"chosen": {"rule": "x"}},
        ASKED | {"speed": "y" * 5000},
        ASKED | {"weights": "y" * 5000},
    ]
    drawn = edited(WAYS[way]).filter(lambda value: isinstance(value, dict))
    assert_only_refusals(drawn, lambda value: run_settings(value, where="settings.yaml"), count=sized(20, 1000), once=once)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package."""
    out = tmp_path_factory.mktemp("run") / "run"
    return tw.train("iris", model={"name": "mlp", "hidden": [4]}, epochs=1, compare=False, check=False, out=out).path / "model"


def test_r16_any_manifest_verifies_or_is_refused(finished, tmp_path):
    package = shutil.copytree(finished, tmp_path / "model")
    manifest = package / "manifest.json"
    whole = manifest.read_bytes()

    def opened(content: bytes) -> None:
        manifest.write_bytes(content)
        tw.load(package)

    assert_only_refusals(near(whole) | edited(json.loads(whole)).map(in_json), opened, count=COUNT)


def test_r16_any_description_of_a_package_is_built_or_refused(finished, tmp_path):
    package = shutil.copytree(finished, tmp_path / "model")

    def built(said: Any) -> None:
        sealed_again(package, {"package.json": in_json(said)})
        load_package(package)

    assert_only_refusals(edited(json.loads((package / "package.json").read_text())), built, count=sized(20, 2000))


STATE = pack({"a": torch.zeros(2), "b": (1, float("inf"), {3: None}), "c": [torch.ones(3, dtype=torch.int64), 1 << 90]})


def test_r16_any_skeleton_of_a_state_unpacks_or_is_refused():
    assert_only_refusals(edited(STATE[1]), lambda skeleton: unpack(skeleton, STATE[0]), count=COUNT)


SAFE = tensors_to_bytes({"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.int64), "c": torch.empty(0)})
HEADER = json.loads(SAFE[8 : 8 + struct.unpack("<Q", SAFE[:8])[0]])


def test_r16_any_header_of_tensors_is_read_or_refused():
    drawn = near(SAFE) | edited(HEADER).map(lambda value: _with_header(in_json(value)))
    assert_only_refusals(drawn, lambda data: tensors_from_bytes(data, where="here"), count=COUNT)


def _with_header(header: bytes) -> bytes:
    return struct.pack("<Q", len(header)) + header + SAFE[8 + struct.unpack("<Q", SAFE[:8])[0] :]


PLAN = {"version": 1, "lengths": [{"stage": 0, "step": 3, "total": 9}], "found": {"rate": {"suggested": 0.1}}, "seconds": None}


def test_r16_any_plan_is_read_or_refused(tmp_path):
    folder = RunFolder(tmp_path)

    def planned(content: bytes) -> None:
        folder.plan.write_bytes(content)
        Planned.of(folder, resume=True, writes=True)

    assert_only_refusals(edited(PLAN).map(in_json) | near(in_json(PLAN)), planned, count=COUNT)


LOCK = {"pid": 1, "host": "h", "boot": "b", "started": "1", "since": "now"}


def test_r16_any_lock_is_taken_over_or_refused(tmp_path):
    def taken(content: bytes) -> None:
        (tmp_path / ".lock").write_bytes(content)
        take_lock(tmp_path).release()

    assert_only_refusals(near(in_json(LOCK)) | edited(LOCK).map(in_json), taken, count=COUNT)


TABLE = b'name,age,when,weight,y\nann,3,2024-01-02,1.5,yes\nbob,4,2024-02-03,,no\n"c, d",5,2024-03-04,2.5,yes\n' * 3


def npy() -> bytes:
    """A small array."""
    held = BytesIO()
    np.save(held, np.arange(12, dtype=np.float32).reshape(6, 2))
    return held.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """A small archive."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()


FILES: dict[str, bytes] = {
    "table.csv": TABLE,
    "table.tsv": TABLE.replace(b",", b"\t"),
    "rows.jsonl": b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n' * 4,
    "rows.json": b'[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
    "array.npy": npy(),
    "arrays.npz": zipped({"x.npy": npy(), "y.npy": npy()}),
    "table.zip": zipped({"table.csv": TABLE}),
    "train-images-idx3-ubyte": struct.pack(">HBBIII", 0, 8, 3, 4, 2, 2) + bytes(range(16)),
    "series.ts": b"@problemName x\n@timeStamps false\n@univariate true\n@classLabel true a b\n@data\n1,2,3:a\n4,5,6:b\n",
    "letters.fasta": b">one a\nACGT\n>two b\nGGTA\n",
    "prose.txt": b"to be or not to be\n" * 8,
}


CRASHED: dict[str, list[bytes]] = {"array.npy": [npy().replace(b"(6, 2)", one) for one in (b"6, 2) ", b"0 (6, 2)")]}
"""What was no clear refusal once: brackets that do not match, and a header that calls something."""


@pytest.mark.parametrize("name", FILES)
def test_r16_any_bytes_are_data_or_refused(name, tmp_path):
    def understood(content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        asked = DataSettings()
        examples = read(tmp_path / name, asked)
        if isinstance(examples, Examples):
            schema_of(examples, asked).encodings()

    assert_only_refusals(
        near(FILES[name]) | st.binary(max_size=60), understood, count=sized(20, 2000), once=CRASHED.get(name, ())
    )
