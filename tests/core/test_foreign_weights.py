"""Weights of other programs: the same values as torch reads, found out by a child that can do nothing else."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import thalweg
from tests.refusing import assert_well_said, expect_refusal
from thalweg.core.errors import PackageRefusal
from thalweg.core.foreign import looking
from thalweg.core.foreign.found import HOSTILE, Found, Lying, found_from
from thalweg.core.foreign.looking import looked_into
from thalweg.core.foreign_tensors import read_foreign_tensors

ROOT = Path(thalweg.__file__).resolve().parents[1]


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


LATER = (torch.uint16, torch.uint64, torch.float8_e4m3fn)
"""What torch writes as bytes of a storage without a type; in files of before 1.6 it cannot read these itself."""


def tensors(*, later: bool = True) -> dict[str, torch.Tensor]:
    """Tensors of every form that a state dict may hold."""
    matrix = torch.randn(5, 4)
    wide = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
    kinds = (torch.bfloat16, torch.float16, torch.float64, torch.complex64, *(LATER if later else ()))
    return {
        "matrix": matrix,
        "tied": matrix,
        "turned": matrix.t(),
        "part": matrix[1:4, ::2],
        "channels last": wide,
        "none": torch.zeros(0, 3),
        "one": torch.tensor(3.5),
        "wide of one": torch.arange(4).expand(1, 4),
        "true": torch.tensor([True, False]),
        "parameter": nn.Parameter(torch.randn(3)),
        **{str(kind): torch.arange(7).to(kind) for kind in kinds},
    }


def raw(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_tensors_are_those_that_torch_reads_in_every_form_of_file(tmp_path, protocol, zipped):
    given = tensors(later=zipped)
    torch.save(given, tmp_path / "a.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    expected = torch.load(tmp_path / "a.pt", weights_only=False)
    found = read_foreign_tensors(tmp_path / "a.pt")
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert found[name].is_contiguous()
        assert raw(found[name]) == raw(tensor), name


def test_a_checkpoint_gives_its_weights_and_says_what_was_left_out(tmp_path):
    model = net()
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.randn(2, 3, 3, 3)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 7,
        "state_dict": OrderedDict((f"module.{name}", one) for name, one in model.state_dict().items()),
        "optimizer": optimizer.state_dict(),
        "arguments": Namespace(rate=0.1, path=Path("x")),
        "best": np.float64(0.5),
        "history": [np.arange(3), {"loss": 1.0}],
    }
    torch.save(checkpoint, tmp_path / "a.ckpt")
    with looked_into(tmp_path / "a.ckpt") as held:
        assert (held.found.within, held.found.prefix) == ("state_dict", "module.")
        assert held.found.left_out == {"epoch": 0, "optimizer": 18, "arguments": 0, "best": 0, "history": 0}
    found = read_foreign_tensors(tmp_path / "a.ckpt")
    assert {name: raw(one) for name, one in found.items()} == {name: raw(one) for name, one in model.state_dict().items()}


def test_of_several_sets_of_weights_one_must_be_named(tmp_path):
    generator, critic = net().state_dict(), net().state_dict()
    torch.save({"generator": generator, "critic": critic}, tmp_path / "a.pt")
    with expect_refusal("WEIGHTS_SEVERAL", exit_code=4) as caught:
        read_foreign_tensors(tmp_path / "a.pt")
    assert "generator, critic" in caught.value.what
    found = read_foreign_tensors(tmp_path / "a.pt", within="critic")
    assert torch.equal(found["3.weight"], critic["3.weight"])


class Runs:
    """Says on being unpickled that it was."""

    def __reduce__(self):
        return os.system, ("echo unpickled > unpickled.txt",)


def whole(path: Path) -> None:
    torch.save(net(), path)


def script(path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)


def running(path: Path) -> None:
    torch.save({"weight": torch.zeros(2), "run": Runs()}, path)


def plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0]}))


def arrays(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), weight=np.zeros(3))
    path.with_suffix(".npz").rename(path)


def quantised(path: Path) -> None:
    torch.save({"weight": torch.quantize_per_tensor(torch.randn(3), 0.1, 0, torch.qint8)}, path)


def sparse(path: Path) -> None:
    torch.save({"weight": torch.eye(3).to_sparse()}, path)


def without_values(path: Path) -> None:
    torch.save({"weight": torch.zeros(3, device="meta")}, path)


def wide_complex(path: Path) -> None:
    torch.save({"weight": torch.zeros(3, dtype=torch.complex128)}, path)


def conjugate(path: Path) -> None:
    torch.save({"weight": torch.zeros(3, dtype=torch.complex64).conj()}, path)


def one_tensor(path: Path) -> None:
    torch.save(torch.zeros(3), path)


def numbers(path: Path) -> None:
    torch.save({"epoch": 3, "losses": [1.0, 2.0]}, path)


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (whole, "WEIGHTS_WHOLE_MODEL", "torch.nn.modules.container.Sequential"),
        (script, "WEIGHTS_WHOLE_MODEL", "a TorchScript archive"),
        (running, "WEIGHTS_FOREIGN_OBJECT", "posix.system"),
        (plain_pickle, "WEIGHTS_UNREADABLE", "a plain pickle, not one of torch.save"),
        (arrays, "WEIGHTS_UNREADABLE", "an archive, but none of torch.save"),
        (quantised, "WEIGHTS_NO_PLAIN_VALUES", "weight is quantised"),
        (sparse, "WEIGHTS_NO_PLAIN_VALUES", "weight is sparse"),
        (without_values, "WEIGHTS_NO_PLAIN_VALUES", "on the meta device"),
        (wide_complex, "WEIGHTS_NO_PLAIN_VALUES", "of the type complex128"),
        (conjugate, "WEIGHTS_NO_PLAIN_VALUES", "was not resolved"),
        (one_tensor, "WEIGHTS_NONE", "one tensor"),
        (numbers, "WEIGHTS_NONE", "no weights by name"),
        (empty, "WEIGHTS_UNREADABLE", "an empty file"),
    ],
)
def test_what_is_no_state_dict_is_refused_with_what_it_is(tmp_path, make, code, said):
    make(tmp_path / "a.pt")
    with expect_refusal(code, exit_code=4) as caught:
        read_foreign_tensors(tmp_path / "a.pt")
    assert said in caught.value.what
    assert not Path("unpickled.txt").exists()


def test_a_byte_that_changed_in_a_tensor_is_noticed_and_the_tensor_named(tmp_path):
    torch.save({"weight": torch.arange(100.0)}, tmp_path / "a.pt")
    data = (tmp_path / "a.pt").read_bytes()
    at = data.index(np.arange(50, 60, dtype=np.float32).tobytes())
    (tmp_path / "a.pt").write_bytes(data[:at] + b"\x01" + data[at + 1 :])
    with expect_refusal("WEIGHTS_DAMAGED", exit_code=4) as caught:
        read_foreign_tensors(tmp_path / "a.pt")
    assert "weight" in caught.value.what


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_files_that_were_cut_off_are_refused(tmp_path, cut, zipped):
    file = io.BytesIO()
    torch.save(tensors(), file, _use_new_zipfile_serialization=zipped)
    (tmp_path / "a.pt").write_bytes(file.getvalue()[: int(cut * len(file.getvalue()))])
    with pytest.raises(PackageRefusal) as caught:
        read_foreign_tensors(tmp_path / "a.pt")
    assert caught.value.code in ("WEIGHTS_UNREADABLE", "WEIGHTS_BOMB")
    assert_well_said(caught.value)


@pytest.mark.parametrize("cut", range(1, 9))
def test_a_file_that_ends_within_the_length_of_an_empty_storage_is_refused(tmp_path, cut):
    torch.save({"none": torch.zeros(0)}, tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    (tmp_path / "a.pt").write_bytes((tmp_path / "a.pt").read_bytes()[:-cut])
    with expect_refusal("WEIGHTS_UNREADABLE", exit_code=4):
        read_foreign_tensors(tmp_path / "a.pt")


def forged(path: Path, change) -> Path:
    """A file of torch.save whose pickle was changed."""
    file = io.BytesIO()
    torch.save({"weight": torch.zeros(4, 6)}, file)
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info.filename, change(data) if info.filename.endswith("data.pkl") else data)
    return path


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"K\x06K\x01\x86", b"K\x00K\x00\x86"),  # both strides 0, and a shape that fills more
        (b"K\x04K\x06\x86", b"J\x00\x00\x00\x40J\x00\x00\x00\x40\x86"),  # 2**30 by 2**30 values
        (b"K\x18t", b"J\x00\x00\x00\x40t"),  # a storage of 2**30 values
        (b"K\x00K\x04K\x06", b"M\xff\xffK\x04K\x06"),  # begins behind its storage
    ],
    ids=["strides of 0", "shape", "storage", "offset"],
)
def test_pkg_13_tensors_that_claim_more_than_their_storage_are_refused(tmp_path, was, becomes):
    def change(data):
        assert was in data, data
        data = data.replace(was, becomes)
        return data.replace(b"K\x04K\x06\x86", b"J\x00\x00\x00\x40K\x06\x86") if becomes.startswith(b"K\x00K") else data

    with expect_refusal("WEIGHTS_BOMB", exit_code=4):
        read_foreign_tensors(forged(tmp_path / "a.pt", change))


def test_pkg_13_many_names_for_one_storage_are_refused_where_they_come_to_more_than_tied_weights_do(tmp_path):
    one = torch.zeros(10_000)
    torch.save({f"tied{i}": one for i in range(3)}, tmp_path / "three.pt")
    assert len(read_foreign_tensors(tmp_path / "three.pt")) == 3
    torch.save({f"tied{i}": one for i in range(300)}, tmp_path / "many.pt")
    with expect_refusal("WEIGHTS_BOMB", exit_code=4) as caught:
        read_foreign_tensors(tmp_path / "many.pt")
    assert "12,000,000 bytes" in caught.value.what


def lying(**changed) -> Found:
    one = {"name": "a", "dtype": "F32", "shape": (2, 3), "stride": (3, 1), "offset": 0, "begin": 100, "end": 124}
    return Found("a file", (Lying(**{**one, **changed}),))


@pytest.mark.parametrize(
    "changed",
    [
        {"end": 2000},
        {"begin": 200},
        {"offset": 1},
        {"stride": (1 << 40, 1)},
        {"shape": (2, 3, 1)},
        {"shape": (-1, 3)},
        {"stride": (-3, 1)},
        {"dtype": "F31"},
        {"name": "a" * 2000},
        {"name": "__metadata__"},
        {"begin": 100.0},
        {"shape": (1 << 62, 1 << 62)},
        {"shape": (True, 3)},
    ],
    ids=str,
)
def test_an_answer_of_the_child_that_cannot_be_true_is_not_believed(changed):
    assert found_from(lying().as_json(), size=1000) == lying()
    with pytest.raises(ValueError, match=r"."):
        found_from(json.loads(json.dumps(lying(**changed).as_json())), size=1000)


ATTEMPTS = {
    "opens a file": "open('/etc/hostname')",
    "writes a file": "open('/tmp/written-by-the-child', 'w')",
    "connects": "import socket; socket.socket()",
    "starts a process": "import os; os.system('true')",
    "becomes another program": "import os; os.execv('/bin/true', ['true'])",
    "forks": "import os; os.fork()",
    "imports": "import sqlite3",
    "evaluates": "eval('1')",
    "compiles": "compile('1', 'a', 'eval')",
    "calls a library": "import ctypes; ctypes.CDLL(None)",
    "unmarshals": "import marshal; marshal.loads(b'N')",
    "lists a folder": "import os; os.listdir('/')",
}
CHILD = """
import sys; sys.path.insert(0, {root!r})
import os, socket, ctypes, marshal
from thalweg.core.foreign import child
steps = {attempt!r}.split("; ")
code = compile(steps[-1], "attempt", "exec")
def answer(file, size, within):
    exec(code)
    return {{"found": "nothing stopped it"}}
child.answer = answer
child.main("")
"""


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_child_ends_at_whatever_reading_does_not_need(tmp_path, attempt):
    (tmp_path / "a.pt").write_bytes(b"x" * 100)
    program = CHILD.format(root=str(ROOT), attempt=ATTEMPTS[attempt])
    with (tmp_path / "a.pt").open("rb") as file:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", program], stdin=file, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (HOSTILE, b""), done.stderr
    assert not Path("/tmp/written-by-the-child").exists()


UNHEARD = """
import sys; sys.path.insert(0, {root!r})
import errno, os, resource, socket
from thalweg.core.foreign import child
child._limit(1000)
found = []
for attempt in (lambda: os.open("/etc/hostname", os.O_RDONLY), lambda: socket.socket(), lambda: os.dup(1)):
    try:
        attempt()
        found.append("done")
    except OSError as error:
        found.append(errno.errorcode[error.errno])
try:
    bytearray(300 << 20)
    found.append("done")
except MemoryError:
    found.append("memory")
os.write(1, " ".join(found).encode())
while True:
    pass
"""


def test_the_system_holds_the_child_even_where_no_hook_listens(tmp_path):
    program = UNHEARD.format(root=str(ROOT))
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, check=False, timeout=60)
    assert done.stdout == b"EMFILE EMFILE EINVAL memory", done.stderr
    assert done.returncode < 0, "its time is limited"


def test_where_a_process_cannot_be_limited_no_pickle_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(looking, "LIMITED", ("another system",))
    torch.save({"weight": torch.zeros(2)}, tmp_path / "a.pt")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "old.safetensors", _use_new_zipfile_serialization=False)
    for name in ("a.pt", "old.safetensors"):
        with expect_refusal("WEIGHTS_UNLIMITED", exit_code=6) as caught:
            read_foreign_tensors(tmp_path / name)
        assert name in caught.value.what
    with expect_refusal("WEIGHTS_NOT_FOUND", exit_code=4):
        read_foreign_tensors(tmp_path / "absent.pt")


def test_where_a_process_cannot_be_limited_safetensors_are_read_the_same(tmp_path, monkeypatch):
    path, tensors = tmp_path / "a.safetensors", {"module.weight": torch.randn(3, 2), "module.steps": torch.tensor(7)}
    save_file(tensors, path)
    here = read_foreign_tensors(path)
    whole = path.read_bytes()
    hostile = {"short": whole[:-1], "long": whole + b"x", "another": whole.replace(b'"F32"', b'"F64"')}
    hostile |= {
        "deep": (9000).to_bytes(8, "little") + b"{" + b"[" * 8999,
        "length": b"\xff" * 8 + b"{",
        "tail": b"\0" * 8 + b"{",
    }
    monkeypatch.setattr(looking, "LIMITED", ("another system",))
    found = read_foreign_tensors(path)
    assert list(found) == list(here)
    assert sorted(here) == ["steps", "weight"]
    assert all(torch.equal(one, here[name]) for name, one in found.items())
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
        with expect_refusal("WEIGHTS_UNREADABLE", exit_code=4):
            read_foreign_tensors(tmp_path / name)


def test_what_is_printed_of_a_file_is_harmless(tmp_path):
    names = {"\x1b[2J\u202ename": Runs()}
    torch.save(names, tmp_path / "a.pt")
    with expect_refusal("WEIGHTS_FOREIGN_OBJECT", exit_code=4) as caught:
        read_foreign_tensors(tmp_path / "a.pt")
    assert str(caught.value).replace("\n", "").isprintable()
    torch.save({"\x1b[2J": torch.zeros(2).to_sparse()}, tmp_path / "b.pt")
    with expect_refusal("WEIGHTS_NO_PLAIN_VALUES", exit_code=4) as caught:
        read_foreign_tensors(tmp_path / "b.pt")
    assert "\x1b" not in str(caught.value)
