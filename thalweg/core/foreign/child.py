"""The child process that looks into a file of weights, and answers in JSON what lies where.

It is started with no more than the open file and a pipe. Before it looks it gives up what it does not need: memory beyond a
multiple of the file's size, time, processes, and every further file and socket, of which the system lets it open none; an audit
hook ends it where anything is opened, imported, compiled or started nevertheless. What remains could be told wrong, not done.
"""

import codecs
import contextlib
import json
import os
import resource
import signal
import sys
import zlib
from typing import IO, Any

from thalweg.core.errors import Refusal
from thalweg.core.foreign.chosen import chosen
from thalweg.core.foreign.containers import Unfit, contents
from thalweg.core.foreign.described import UnknownName
from thalweg.core.foreign.found import FULL, HOSTILE
from thalweg.core.foreign.inert import Malformed

MOST_MEMORY = 48 << 20
MOST_MEMORY_OF_LARGE = 1 << 30
SECONDS, BYTES_PER_SECOND = 1.2, 4 << 20
NEEDED = {"builtins.id"}
CODECS = ("utf-8", "ascii", "latin-1", "cp437", "raw_unicode_escape", "unicode_escape")
"""Looked up while modules can still be found: names in archives and texts in pickles are in one of these."""


def main(within: str) -> None:
    """Look into the file that is standard input, and answer on standard output."""
    file = open(0, "rb", closefd=False)  # noqa: SIM115 - the process ends with it
    size = os.fstat(0).st_size
    for codec in CODECS:
        codecs.lookup(codec)
    zlib.crc32(json.dumps({"": [0]}).encode())
    _limit(size)
    sys.addaudithook(_refuse_all)
    try:
        _say(answer(file, size, within))
    except MemoryError:
        os._exit(FULL)
    os._exit(0)


def answer(file: IO[bytes], size: int, within: str) -> dict[str, Any]:
    """What is found in a file, or of what sort the trouble is and in which words."""
    try:
        return {"found": chosen(contents(file, size), within).as_json()}
    except UnknownName as error:
        return {"trouble": "model" if error.name.startswith("torch.nn.") else "name", "said": error.name[:200]}
    except Malformed as error:
        return {"trouble": "damaged", "said": str(error)[:200]}
    except Unfit as error:
        return {"trouble": error.kind, "said": str(error)[:400]}
    except Refusal as refusal:
        return {"trouble": "damaged", "said": refusal.what[:300]}
    except (MemoryError, RecursionError):
        return {"trouble": "bomb", "said": "it takes more memory than a file of its size needs"}


def _limit(size: int) -> None:
    """Give up what is not needed. The file and the pipe stay open; no number above the highest open file can be had again."""
    memory = _memory() + MOST_MEMORY + min(2 * size, MOST_MEMORY_OF_LARGE)
    seconds = SECONDS + size / BYTES_PER_SECOND
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CPU: int(seconds) + 2,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for which, most in limits.items():
        highest = resource.getrlimit(which)[1]
        allowed = most if highest == resource.RLIM_INFINITY else min(most, highest)
        resource.setrlimit(which, (allowed, allowed))
    signal.setitimer(signal.ITIMER_PROF, seconds)  # finer than the limit of whole seconds; the signal ends the process


def _memory() -> int:
    """Bytes of addresses that this process has."""
    with open("/proc/self/statm", encoding="ascii") as told:
        return int(told.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _refuse_all(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in NEEDED:
        os._exit(HOSTILE)


def _say(told: dict[str, Any]) -> None:
    rest = memoryview(json.dumps(told).encode("ascii"))
    with contextlib.suppress(BrokenPipeError):
        while rest:
            rest = rest[os.write(1, rest) :]
