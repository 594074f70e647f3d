"""Files that would run something where their maker has his way: made anew by number, none is stored.

What each would run is `touch CANARY` in one of many spellings; a test looks whether that file stands.
"""

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.reliability.forged import Member, zip_of
from thalweg.core.files import write_folder
from thalweg.core.strict_json import parse_json, render_json

CANARY = "canary"
RUN = f"touch {CANARY}"
PYTHON = f"open({CANARY!r}, 'w').close()"
CALLS = (
    ("os", "system", RUN), ("posix", "system", RUN), ("subprocess", "getoutput", RUN), ("subprocess", "Popen", RUN),
    ("builtins", "eval", PYTHON), ("builtins", "exec", PYTHON), ("__builtin__", "eval", PYTHON), ("timeit", "timeit", PYTHON),
    ("importlib", "import_module", "antigravity"), ("builtins", "__import__", "this"), ("pkgutil", "resolve_name", "os:system"),
    ("runpy", "run_path", "evil.py"), ("ctypes", "CDLL", "libc.so.6"), ("webbrowser", "open", "http://127.0.0.1:9/"),
    ("torch.hub", "load", "somebody/net"), ("numpy.testing._private.utils", "runstring", PYTHON),
    ("os", "path.os.system", RUN), ("torch", "serialization.os.system", RUN), ("site", "addsitedir", "."),
    ("pty", "spawn", "true"),
)  # fmt: skip
"""What is called, with one text: the last of them by names with dots, which a pickle of protocol 4 follows."""


def called(number: int) -> bytes:
    """The steps of a pickle that call something, without a beginning and an end; protocol and call by number."""
    module, name, argument = CALLS[number % len(CALLS)]
    protocol = number % 6
    if protocol == 0:
        return f"c{module}\n{name}\n(S{argument!r}\ntR".encode()
    text = b"X" + struct.pack("<I", len(argument)) + argument.encode()
    if protocol < 4:
        return f"c{module}\n{name}\n".encode() + text + b"\x85R"
    short = [b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name)]
    return b"".join(short) + b"\x93\x94" + text + b"\x85R"


def instance(number: int) -> bytes:
    """The same by steps that are older or rarer than a plain call."""
    module, name, argument = CALLS[number % len(CALLS)]
    text = f"S{argument!r}\n".encode()
    ways = (
        f"({argument and text.decode()}i{module}\n{name}\n".encode(),  # INST
        b"(" + f"c{module}\n{name}\n".encode() + text + b"o",  # OBJ
        f"c{module}\n{name}\n".encode() + text + b"\x85\x81",  # NEWOBJ
        f"c{module}\n{name}\n".encode() + text + b"\x85}\x92",  # NEWOBJ_EX
        f"c{module}\n{name}\n".encode() + b"q\x07" + b"0h\x07" + text + b"\x85R",  # through the memory
        b"cbuiltins\ngetattr\n" + f"c{module}\n__dict__\n".encode() + b"X\x03\0\0\0get\x86R" + text + b"\x85R",
        b"ccollections\nOrderedDict\n)R" + f"c{module}\n{name}\n".encode() + text + b"\x85Rb",  # as a state
        b"\x82\x01" + text + b"\x85R",  # EXT1
    )
    return ways[number % len(ways)]


def whole(number: int) -> bytes:
    """A pickle that calls something."""
    protocol = number % 6
    head = b"" if protocol < 2 else bytes([0x80, protocol])
    inner = called(number) if number % 3 else instance(number)
    if protocol >= 4:
        inner = b"\x95" + struct.pack("<Q", len(inner) + 1) + inner
    return head + inner + b"."


def torch_zip(path: Path, inner: bytes, *further: Member) -> None:
    rest = [Member("a/byteorder", b"little"), Member("a/version", b"3\n"), *further]
    zip_of(path, [Member("a/data.pkl", inner), *rest])


def as_torch_zip(number: int) -> bytes:
    """A dict of a tensor's name and what is called."""
    return b"\x80\x02}X\x06\0\0\0weight" + (called(number) if number % 2 else instance(number)) + b"s."


def old_torch(number: int) -> bytes:
    """A file of before 1.6, in which one of the pickles calls something."""
    plain = [pickle.dumps(one, 2) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {}, [])]
    return b"".join([*plain[: number % 5], whole(number), *plain[number % 5 + 1 :]])


def object_array(number: int) -> bytes:
    """An array of Python objects, whose pickle calls something."""
    text = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + whole(number)


RAW = (
    "pkl", "pickle", "joblib", "pt", "pth", "bin", "ckpt", "safetensors", "csv", "json", "jsonl", "yaml", "parquet", "arrow",
    "png", "npy", "npz", "txt", "tsv", "xlsx", "h5", "onnx", "gz", "zip", "ts", "fasta", "",
)  # fmt: skip
"""Ends of names under which a pickle is given."""


def raw(folder: Path, number: int) -> Path:
    name = ".".join(filter(None, ("given", RAW[number % len(RAW)])))
    (folder / name).write_bytes(whole(number))
    return folder / name


def in_torch_zip(folder: Path, number: int) -> Path:
    path = folder / ("given.pt", "given.pth", "given.bin", "given.ckpt", "given.csv", "given")[number % 6]
    torch_zip(path, as_torch_zip(number))
    return path


def in_old_torch(folder: Path, number: int) -> Path:
    path = folder / ("given.pt", "given.pth", "given.safetensors")[number % 3]
    path.write_bytes(old_torch(number))
    return path


def in_arrays(folder: Path, number: int) -> Path:
    if number % 2:
        (folder / "given.npy").write_bytes(object_array(number))
        return folder / "given.npy"
    return zip_of(folder / "given.npz", [Member("x.npy", object_array(number)), Member("y.npy", object_array(number + 1))])


def in_pictures(folder: Path, number: int) -> Path:
    """A folder of classes whose pictures are pickles."""
    for label in ("cat", "dog"):
        (folder / "p" / label).mkdir(parents=True)
        for i in range(3):
            (folder / "p" / label / f"{i}.png").write_bytes(whole(number + i))
    return folder / "p"


FORMS: tuple[Callable[[Path, int], Path], ...] = (
    raw,
    raw,
    raw,
    in_torch_zip,
    in_torch_zip,
    in_old_torch,
    in_arrays,
    in_pictures,
)


def torch_members(folder: Path, number: int) -> Path:
    """Archives of torch with more, or other, than weights in them."""
    plain = b"\x80\x02}."
    script = Member("a/code/__torch__/net.py", f"import os\nos.system({RUN!r})\n".encode())
    further = (
        [script],
        [Member("a/constants.pkl", whole(number))],
        [Member("a/inner.pt", zip_of(folder / "inner.pt", [Member("a/data.pkl", whole(number))]).read_bytes())],
        [Member("a/data/../../escaped", b"x")],
        [Member("a/data/0", b"x", flags=1)],
        [Member("a/data/0", whole(number), mode=0o120777)],
        [Member("a/data.pkl", whole(number))],
        [Member("a/.data/serialization_id", whole(number)), Member("a/extra/hooks.pkl", whole(number))],
    )[number % 8]
    torch_zip(folder / "given.pt", plain, *further)
    return folder / "given.pt"


def wrong_sum(folder: Path, number: int) -> Path:
    torch_zip(folder / "given.pt", as_torch_zip(number))
    data = bytearray((folder / "given.pt").read_bytes())
    data[data.index(b"PK\x01\x02") + 16] ^= 1
    (folder / "given.pt").write_bytes(data)
    return folder / "given.pt"


def other_models(folder: Path, number: int) -> Path:
    """Models of other libraries that name code, files or addresses."""
    layer = {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": PYTHON}}}}
    external = b"\x08\x07:J\x12H\n\x06weightj\x1f\n\x08location\x12\x13../../../etc/passwd"
    given = (
        ("given.keras", lambda path: zip_of(path, [Member("config.json", json.dumps(layer).encode())])),
        ("given.h5", lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + whole(number))),
        ("given.onnx", lambda path: path.write_bytes(external)),
        ("given.mar", lambda path: zip_of(path, [Member("MAR-INF/MANIFEST.json", b'{"model": {"handler": "evil.py"}}')])),
        ("given.nemo", lambda path: path.write_bytes(b"_target_: os.system\n")),
        ("given.7z", lambda path: path.write_bytes(b"7z\xbc\xaf\x27\x1c" + whole(number))),
        ("given.pb", lambda path: path.write_bytes(b"\x0a\x06PyFunc" + whole(number))),
        ("given.tflite", lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + whole(number))),
    )
    name, write = given[number % len(given)]
    write(folder / name)
    return folder / name


SETTINGS = (
    f'!!python/object/apply:os.system ["{RUN}"]', f'model: !!python/object/new:os.system ["{RUN}"]',
    "model: !!python/name:os.system", "epochs: !!python/object/apply:builtins.eval ['1']", "!evil {a: 1}",
    "model: {_target_: os.system, command: true}", "model: {class_path: os.system}", "model: {name: os.system}",
    "rule: {name: evil.py}", "own: [evil.py]", "source: http://127.0.0.1:9/data.csv",
    "model: {auto_map: {AutoModel: evil.Net}}",
    "task: {name: ../evil}", "trust_remote_code: true", "rule: {optimizer: {name: 'torch.optim:Adam'}}",
    "rule: {schedule: {name: \"__import__('os').system\"}}",
)  # fmt: skip


def settings(folder: Path, number: int) -> Path:
    (folder / "evil.py").write_text(PYTHON)
    (folder / "given.yaml").write_text(SETTINGS[number % len(SETTINGS)])
    return folder / "given.yaml"


def with_files(source: Path, target: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Path:
    """A folder with a manifest, of other files, so that its digests hold."""
    told = parse_json((source / "manifest.json").read_bytes(), where="manifest")
    files = {name: (source / name).read_bytes() for name in told["files"]}
    shutil.rmtree(target, ignore_errors=True)
    write_folder(target, change(files), format=told["format"], version=told["version"], stamp=told["stamp"])
    return target


def saying(name: str, key: str, value: Any) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """A change of one key, with dots, in a JSON file."""

    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        said = place = parse_json(files[name], where=name)
        *way, last = key.split(".")
        for step in way:
            place = place[int(step)] if step.isdigit() else place[step]
        place[last] = value
        return {**files, name: render_json(said)}

    return change


def replacing(name: str, data: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {**files, name: data}


def packages(folder: Path, number: int, run: Path) -> Path:
    """Packages whose manifest holds, and which name or hold code."""
    ways = (
        saying("package.json", "model.name", "os.system"),
        saying("package.json", "auto_map", {"AutoModel": "evil.Net"}),
        saying("package.json", "encodings.0.kind", "os.system"),
        saying("package.json", "form", "pickle"),
        saying("package.json", "task.name", "../../evil"),
        saying("package.json", "own", ["evil.py"]),
        saying("package.json", "source", {"name": "npz", "settings": {"path": "/etc/passwd"}}),
        saying("package.json", "model.settings.hidden", ["__import__('os')"]),
        replacing("weights.safetensors", whole(number)),
        replacing("package.json", whole(number)),
    )
    (folder / "evil.py").write_text(PYTHON)
    return with_files(run / "model", folder / "model", ways[number % len(ways)])


def linked_package(folder: Path, number: int, run: Path) -> Path:
    """A package in which a file is a link."""
    shutil.copytree(run / "model", folder / "model")
    weights = folder / "model" / "weights.safetensors"
    weights.rename(folder / "outside")
    (os.symlink if number % 2 else os.link)(folder / "outside", weights)
    return folder / "model"


def runs(folder: Path, number: int, run: Path) -> Path:
    """Run folders in which one file was planted."""
    target = folder / "run"
    shutil.copytree(run, target)
    [checkpoint] = (target / "checkpoints").iterdir()
    (folder / "evil.py").write_text(PYTHON)
    held = (target / "settings.yaml").read_text()
    ways: tuple[Callable[[], object], ...] = (
        lambda: with_files(checkpoint, checkpoint, replacing("state.safetensors", whole(number))),
        lambda: with_files(checkpoint, checkpoint, replacing("state.json", whole(number))),
        lambda: with_files(checkpoint, checkpoint, replacing("state.json", b'{"object": ["os.system", "true"]}')),
        lambda: with_files(
            checkpoint, checkpoint, replacing("state.json", b'{"dict": {"rule": {"reduce": ["os", "system"]}}}')
        ),
        lambda: (target / "settings.yaml").write_text(held + "\nown: [evil.py]\n"),
        lambda: (target / "settings.yaml").write_text(SETTINGS[number % 5]),
        lambda: (target / "plan.json").write_text('{"plan": {"program": "os.system"}, "stages": [{"program": "evil.py"}]}'),
        lambda: (target / "run.json").write_bytes(whole(number)),
        lambda: (target / "data.json").write_text('{"source": "/etc/passwd", "files": ["/etc/passwd"]}'),
        lambda: (target / "learned.npy").write_bytes(object_array(number)),
        lambda: (target / "predictions.parquet").write_bytes(whole(number)),
        lambda: (target / "results.json").write_bytes(whole(number)),
    )
    ways[number % len(ways)]()
    if number % len(ways) < 5:  # not finished: resuming opens its checkpoint
        shutil.rmtree(target / "model")
        marker = json.loads((target / "run.json").read_text())
        (target / "run.json").write_text(json.dumps({**marker, "finished": None}))
        (target / "results.json").unlink()
    return target


def hostile(folder: Path, number: int, run: Path) -> Path:
    """The hostile file, or folder, of that number; 0 to 79 are pickles in forms of all sorts.

    Args:
        folder: empty, its own.
        run: the folder of a finished run.
    """
    if number < 80:
        return FORMS[number % len(FORMS)](folder, number)
    within = number - 80
    for count, make in ((8, torch_members), (4, wrong_sum), (8, other_models), (16, settings)):
        if within < count:
            return make(folder, within)
        within -= count
    for count, plant in ((10, packages), (2, linked_package), (12, runs)):
        if within < count:
            return plant(folder, within, run)
        within -= count
    raise ValueError(f"there is no hostile file {number}")


COUNT = 80 + 8 + 4 + 8 + 16 + 10 + 2 + 12


def harmless(folder: Path) -> list[Path]:
    """Files of the same sorts that hold what they should, so that all that reads them is loaded."""
    (folder / "p" / "cat").mkdir(parents=True)
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(3)}, buffer)
    (folder / "a.pt").write_bytes(buffer.getvalue())
    torch.save({"weight": torch.zeros(3)}, folder / "b.pt", _use_new_zipfile_serialization=False)
    np.save(folder / "a.npy", np.zeros((40, 3)))
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    (folder / "a.yaml").write_text("epochs: 1")
    for name in RAW:
        (folder / f"z.{name}").write_bytes(b"a,b\n1,2\n")
    return sorted(path for path in folder.iterdir() if path.is_file())
