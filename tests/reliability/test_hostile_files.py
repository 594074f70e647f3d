"""R14: opening a hostile file runs nothing of it, at any door; what is done is heard by an audit hook."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fresh_process import Fresh
from tests.lint_refusal import assert_sound_refusal
from tests.reliability.figures import Row, shares
from tests.reliability.forged import TABLE

ROW = Row(
    "R14",
    "hostile files, given to every door that opens files: no code, import, process, socket or outside file, by an audit hook",
    "torch weights_only: a list of allowed names; Keras safe_mode",
)
DOORS = Row("R14", "doors that were tried with hostile files: refused in words, or read as plain values", order=1)
HEARD = (
    "exec", "compile", "import", "os.", "subprocess.", "socket.", "urllib.", "http.", "webbrowser.", "ctypes.", "pickle.",
    "marshal.", "code.", "open", "pty.", "shutil.", "ftplib.", "smtplib.", "sqlite3.", "mmap.", "tempfile.", "glob.",
)  # fmt: skip
UNHEARD = {"os.listdir", "os.scandir", "os.walk", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.chmod",
           "os.utime", "os.putenv", "os.unsetenv", "os.fwalk", "os.lockf", "os.getxattr", "os.listxattr", "mmap.__new__",
           "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.copymode", "shutil.copystat", "shutil.copytree",
           "tempfile.mkstemp", "tempfile.mkdtemp", "glob.glob", "os.fork"}  # fmt: skip
"""What ordinary reading and writing does; where it does so is seen by `open` and by the canary."""
SYSTEM = ("/proc", "/sys", "/dev", "/etc/localtime", "/usr/share/zoneinfo", "/etc/mime.types")


ADDRESS = re.compile(r" at 0x[0-9a-f]+|handle [0-9a-f]+")
PYTHON_DOORS = ("load", "weights", "import-weights", "predict it")
FILES = 116
"""Numbers below this are files that hold no run and no package: these doors refuse them all."""


class Hook:
    """Hears what this process does while it is armed. A hook cannot be taken back."""

    def __init__(self, allowed: list[str]) -> None:
        self.armed, self.events, self.allowed = False, list[str](), tuple(allowed)
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed or event in UNHEARD or not event.startswith(HEARD):
            return
        self.armed = False  # what follows is done to note it
        told = self.told(event, arguments)
        if told:
            self.events.append(told)
        self.armed = True

    def told(self, event: str, arguments: tuple[Any, ...]) -> str:
        """What happened, empty where it may."""
        if event == "open":
            path = arguments[0]
            if isinstance(path, int) or path is None:
                return ""
            real = os.path.abspath(os.fsdecode(path))
            return "" if real.startswith((*self.allowed, *SYSTEM)) else f"open {real}"
        if event == "subprocess.Popen":
            return f"process {[part if len(part) < 200 else '...' for part in map(str, arguments[1])][:5]}"
        if event == "compile" and arguments[1] == "<unknown>":
            return ""  # ast.literal_eval, by which numpy reads the header of an array: a tree of words, never a program
        return ADDRESS.sub("", f"{event} {str(arguments[0])[:80] if arguments else ''}")

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        self.armed = True
        try:
            yield
        finally:
            self.armed = False


def line(arguments: list[str]) -> tuple[int, str]:
    """A command line within this process: its exit code and what it said."""
    from thalweg.cli import main

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        return main(arguments), said.getvalue()


def weights(path: Path) -> tuple[int, str]:
    """What `--weights FILE` does, without the data and the training around it."""
    from thalweg.core import registry
    from thalweg.core.errors import Refusal
    from thalweg.fields.ports import Port, Ports
    from thalweg.models.weights.filling import fill_by_name

    ports = Ports((Port("image", "image", (3, 32, 32)),), (Port("class", "category", (), size=3),))
    settings = registry.settings_of("model", "resnet18")
    import torch

    with torch.device("meta"):
        net = registry.load("model", "resnet18")(ports, settings)
    try:
        fill_by_name(net, "resnet18", settings, str(path))
    except Refusal as refusal:
        return refusal.exit_code, str(refusal)
    return 0, ""


def in_python(path: Path) -> tuple[int, str]:
    """`tw.load`."""
    import thalweg as tw
    from thalweg.core.errors import Refusal

    try:
        tw.load(path)
    except Refusal as refusal:
        return refusal.exit_code, str(refusal)
    return 0, ""


def everything_imported() -> None:
    """All of ours, and what Python reads texts by: what is imported later, a file has brought about."""
    import encodings
    import importlib
    import pkgutil

    import thalweg

    for package, prefix in ((thalweg, "thalweg."), (encodings, "encodings.")):
        for module in pkgutil.walk_packages(package.__path__, prefix):
            if not module.name.endswith(("__main__", ".mbcs", ".oem")):
                importlib.import_module(module.name)


QUICK = ["--epochs", "1", "--no-compare", "--threads", "1"]


def doors(path: Path, run: Path, own: Path) -> dict[str, Any]:
    """All that opens a file, by name; each a call without arguments that gives an exit code and what was said."""
    given = str(path)
    lines = {
        "predict it": ["predict", given, "iris"],
        "predict with it": ["predict", str(run), given],
        "settings": ["train", "iris", "--settings", given, "--out", str(own / "settings"), *QUICK],
        "data": ["train", given, "--out", str(own / "data"), *QUICK],
        "check": ["check", given],
        "evaluate": ["evaluate", str(run), given],
        "doctor": ["doctor", given],
        "report": ["report", given],
        "import-weights": ["import-weights", given, "--out", str(own / "w.safetensors"), "--force"],
        "check against": ["check", str(own.parent / "table.csv"), "--against", given],
    }
    if path.is_dir():
        lines["resume"] = ["train", "iris", "--model", "mlp", "--out", given, "--resume", *QUICK]
        lines["repeat"] = ["train", "iris", "--model", "mlp", "--out", given, "--epochs", "2", "--no-compare", "--threads", "1"]
        lines["evaluate it"] = ["evaluate", given]
        lines["compare"] = ["compare", given]
    found: dict[str, Any] = {name: (lambda arguments=arguments: line(arguments)) for name, arguments in lines.items()}
    return {**found, "load": lambda: in_python(path), "weights": lambda: weights(path)}


def tried(folder: str, numbers: list[int]) -> list[dict[str, Any]]:
    """What each door did with each file, and what was heard meanwhile beyond what harmless files lead to."""
    from tests.reliability.hostile import CANARY, harmless, hostile

    own = Path(folder)
    os.chdir(own)
    (own / "table.csv").write_bytes(TABLE)
    run = own / "run"
    assert line(["train", "iris", "--model", "mlp", "--out", str(run), *QUICK])[0] == 0
    everything_imported()
    ours = Path(__file__).parents[2]
    hook = Hook([sys.prefix, sys.base_prefix, str(ours), folder, os.environ["XDG_CACHE_HOME"], os.environ["THALWEG_DATA"]])
    (own / "warm").mkdir()
    base = set()
    for path in [*harmless(own / "warm"), own / "warm" / "p", own / "table.csv", run, run / "model"]:
        for act in doors(path, run, own / "warm").values():
            with hook.listening():
                act()
            base |= set(hook.events)
            hook.events.clear()
    usual = {event for event in base if event.startswith(("process ", "ctypes.", "socket.gethostname"))}
    told = []
    for number in numbers:
        (own / f"{number}").mkdir()
        path = hostile(own / f"{number}", number, run)
        for name, act in doors(path, run, own / f"{number}").items():
            with hook.listening():
                code, said = act()
            events = sorted(set(hook.events) - usual)
            hook.events.clear()
            ran = [str(place) for place in (own / CANARY, own / f"{number}" / CANARY) if place.exists()]
            told.append({"number": number, "door": name, "code": code, "said": said[-4000:], "events": events, "ran": ran})
    return told


@pytest.mark.parametrize("numbers", shares(12, 140, each=20), ids=str)
def test_pkg_12_pkg_14_hostile_files_run_nothing_at_any_door(tmp_path, numbers):
    (tmp_path / "data").mkdir()
    given = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "THALWEG_SPEED": "plain", "THALWEG_DATA": str(tmp_path / "data")}
    told = Fresh(tried, str(tmp_path), list(numbers), **given).answer()
    for one in told:
        assert one["events"] == [], one
        assert one["ran"] == [], one
        assert one["code"] in (0, 2, 3, 4, 6), one
        if one["code"]:
            assert_sound_refusal(one["code"], one["said"])
        assert one["code"] or one["number"] >= FILES or one["door"] not in PYTHON_DOORS, one
    refused = {one["number"] for one in told if one["code"]}
    assert refused == set(numbers)
    ROW.note(len(numbers), len(refused))
    DOORS.note(len(told), len(told))


def test_the_hook_hears_what_a_hostile_file_would_do():
    assert Fresh(heard).answer() == ["exec", "import", "open", "os.system", "pickle.find_class", "process", "socket.connect"]


def heard() -> list[str]:
    """What the hook notes of a few things that are done."""
    import pickle
    import socket
    import subprocess

    hook = Hook([])
    with hook.listening(), contextlib.suppress(OSError, ImportError):
        exec("1")  # noqa: S102
        os.system("true")
        subprocess.run(["true"], check=False)
        pickle.loads(b"cos\ngetcwd\n.")  # noqa: S301
        with contextlib.suppress(ModuleNotFoundError):
            __import__("nothing_of_this_name")
        with socket.socket() as one, contextlib.suppress(OSError):
            one.connect(("127.0.0.1", 9))
        open("/etc/hostname").close()
    wanted = ("exec", "import", "open", "os.system", "pickle.find_class", "process", "socket.connect")
    return [name for name in wanted if any(event.split(" ")[0] == name for event in hook.events)]
