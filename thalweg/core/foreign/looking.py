"""Looking into a file of weights that another program wrote: by a child process of few rights, whose answer is checked here.

Nothing of the file is understood in this process, which takes numbers from the child, sees whether they can be true, and then
copies bytes. Where the system cannot limit a process, safetensors files alone are read, here: what they hold is told in JSON,
as it is in packages, and no pickle is looked at.
"""

import contextlib
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import thalweg
from thalweg.core.errors import PackageRefusal, Refusal, ResourceRefusal
from thalweg.core.foreign.found import FULL, HOSTILE, Found, found_from, named
from thalweg.core.foreign.headed import FORM, headed, is_headed
from thalweg.core.manifest import shown
from thalweg.core.printable import printable
from thalweg.core.strict_json import parse_json

CHILD = "import sys; sys.path.insert(0, sys.argv[1]); from thalweg.core.foreign.child import main; main(sys.argv[2])"
"""What the child runs, alone (-I) and without packages beside ours (-S)."""
LIMITED = ("linux",)
"""Systems on which a process can be held to an amount of memory."""
LIMIT_ANSWER = 32 << 20
SECONDS, SECONDS_PER_BYTE = 60.0, 1 / (1 << 20)
SAVE = "torch.save(model.state_dict(), 'weights.pt')"
TROUBLES = {
    "name": (
        "WEIGHTS_FOREIGN_OBJECT",
        "holds {said}, which is neither a tensor nor a plain value",
        "such a file can run anything where it is opened by others; nothing of it was imported, made or called",
        f"where the model was made: {SAVE}",
    ),
    "model": (
        "WEIGHTS_WHOLE_MODEL",
        "holds a whole model ({said}), of which classes and programs are part",
        "a model made elsewhere is run where it is opened; weights alone are not",
        f"where the model was made: {SAVE}",
    ),
    "script": (
        "WEIGHTS_WHOLE_MODEL",
        "is {said}",
        "weights are wanted, and nothing is run to have them",
        "torch.save(torch.jit.load(FILE).state_dict(), 'weights.pt'), if you trust it",
    ),
    "other": (
        "WEIGHTS_UNREADABLE",
        "is no file of weights: {said}",
        "weights are read from what torch.save writes, and from safetensors",
        f"where the model was made: {SAVE}",
    ),
    "damaged": (
        "WEIGHTS_UNREADABLE",
        "cannot be read: {said}",
        "reading on would guess which bytes are which weights",
        f"copy it again from where it came, or where the model was made: {SAVE}",
    ),
    "absent": (
        "WEIGHTS_NOT_FOUND",
        "cannot be opened: {said}",
        "there is nothing to read",
        "check the path; published weights: thalweg weights list",
    ),
    "bomb": (
        "WEIGHTS_BOMB",
        "claims more than it holds: {said}",
        "a file that is made to fill the memory looks like this; nothing was taken for it",
        f"where the model was made: {SAVE}",
    ),
    "odd": (
        "WEIGHTS_NO_PLAIN_VALUES",
        "holds tensors of other sorts: {said}",
        "a safetensors file holds plain values",
        "where the model was made: name: tensor.dequantize(), .to_dense() or .resolve_conj() for each, then torch.save",
    ),
    "nothing": (
        "WEIGHTS_NONE",
        "cannot be taken: {said}",
        "a state dict maps names to tensors",
        f"where the model was made: {SAVE}",
    ),
    "several": (
        "WEIGHTS_SEVERAL",
        "cannot be taken: {said}",
        "which of them are meant could only be guessed",
        "say which: thalweg import-weights FILE --within NAME",
    ),
}
"""What each sort of trouble is called, what is said of the file, why, and what mends it."""


@dataclass(frozen=True)
class Open:
    """A file of weights that was looked into, still open: what is read next is the very file that was checked."""

    path: Path
    descriptor: int
    size: int
    found: Found

    def bytes(self, begin: int, end: int) -> bytes:
        """Bytes of the file.

        Raises:
            PackageRefusal: there are fewer by now.
        """
        pieces = []
        while begin < end and (piece := os.pread(self.descriptor, end - begin, begin)):
            pieces.append(piece)
            begin += len(piece)
        if begin < end:
            _refuse(self.path, "damaged", "it became shorter while it was read")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@contextlib.contextmanager
def looked_into(path: Path, *, within: str = "") -> Iterator[Open]:
    """What a file of weights holds, and the file.

    Args:
        within: under which key of it the weights are, where that is not to be found out.

    Raises:
        PackageRefusal: it is no file of weights, is damaged, claims more than it holds, or holds anything but tensors and plain
            values; nothing of it was run.
        ResourceRefusal: this system cannot limit a process, and the file is none of safetensors.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        _refuse(path, "absent", error.strerror or "it cannot be opened")
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            _refuse(path, "other", "a folder" if stat.S_ISDIR(facts.st_mode) else "a device or pipe")
        limited = sys.platform in LIMITED and bool(sys.executable)
        size = facts.st_size
        found = _found(path, descriptor, size, within) if limited else _found_here(path, descriptor, size)
        yield Open(path, descriptor, size, found)
    finally:
        os.close(descriptor)


def _found(path: Path, descriptor: int, size: int, within: str) -> Found:
    code, said = _asked(path, descriptor, size, within)
    if code == HOSTILE:
        _refuse(path, "name", "something that tried to run when it was read")
    if code < 0 or code == FULL:
        _refuse(path, "bomb", "it takes more time or memory than a file of its size needs")
    if code:
        _refuse(path, "damaged", "its beginning makes no sense")
    try:
        told = parse_json(said, where="what was found")
        if isinstance(told, dict) and "found" in told:
            return found_from(told["found"], size=size)
        trouble, reason = str(told["trouble"]), str(told["said"])
    except (ValueError, KeyError, TypeError) as error:
        what = error.what if isinstance(error, Refusal) else str(error)
        _refuse(path, "bomb", what)
    _refuse(path, trouble if trouble in TROUBLES else "damaged", reason)


def _found_here(path: Path, descriptor: int, size: int) -> Found:
    """What a safetensors file holds, by its header."""
    if not is_headed(os.pread(descriptor, 16, 0)):
        raise _unlimited(path)
    with os.fdopen(os.dup(descriptor), "rb") as file:
        try:
            return found_from(named(FORM, headed(file, size)).as_json(), size=size)
        except Refusal as refusal:
            _refuse(path, "damaged", refusal.what[:300])
        except ValueError as error:
            _refuse(path, "bomb", str(error))


def _asked(path: Path, descriptor: int, size: int, within: str) -> tuple[int, bytes]:
    """The child's exit code and answer. It has no environment, no folder of ours, and no file but that one."""
    command = [sys.executable, "-I", "-S", "-c", CHILD, str(Path(thalweg.__file__).resolve().parents[1]), within]
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    child = subprocess.Popen(
        command, stdin=descriptor, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=kept, cwd="/", close_fds=True
    )
    watch = threading.Timer(SECONDS + size * SECONDS_PER_BYTE, child.kill)
    watch.start()
    try:
        assert child.stdout is not None, "it was asked for"
        with child.stdout as answer:
            said = answer.read(LIMIT_ANSWER + 1)
        if len(said) <= LIMIT_ANSWER:
            child.wait()
    finally:
        watch.cancel()
        child.kill()
        child.wait()
    if len(said) > LIMIT_ANSWER:
        _refuse(path, "bomb", "more tensors than any model has")
    return child.returncode, said


def _unlimited(path: Path) -> ResourceRefusal:
    return ResourceRefusal(
        "WEIGHTS_UNLIMITED",
        f"{shown(path.name)} is no safetensors file, and others are not read on this system ({sys.platform})",
        where=shown(str(path)),
        why="pickles are read in a process of little memory and no rights, which cannot be had here",
        fix="on a machine with Linux: thalweg import-weights FILE; the .safetensors file that it writes is read here",
    )


def _refuse(path: Path, trouble: str, said: str) -> NoReturn:
    code, what, why, fix = TROUBLES[trouble]
    raise PackageRefusal(
        code,
        f"{shown(path.name or str(path))} {what.format(said=printable(said, most=400))}",
        where=shown(str(path)),
        why=why,
        fix=fix,
    )
