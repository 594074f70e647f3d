"""A process that dies before a system call, without a process that dies.

From that call on nothing can be done to any file: every further call raises what no cleaning-up can catch as an error. So
thousands of deaths cost what thousands of saves cost, and each can be told by its number.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass

CALLS = ("open", "write", "fsync", "ftruncate", "replace", "rename", "mkdir", "unlink", "rmdir", "scandir", "listdir", "lstat")
"""What saving, sweeping and removing ask of the system; closing is left out, as the system does that for the dead."""
DEAD = 1 << 22
"""The least number that no process can have."""
LIVES = itertools.count(DEAD)


class Killed(BaseException):
    """The process is dead."""


@dataclass
class Life:
    """What happened to a process.

    Attributes:
        calls: that it made.
        dead: it was killed.
    """

    calls: int = 0
    dead: bool = False


@contextlib.contextmanager
def dying(before: float) -> Iterator[Life]:
    """A process with a number of its own that is killed before its n-th system call; infinite: it lives.

    It ends here without a word, as one that was killed does.
    """
    life, real = Life(), {name: getattr(os, name) for name in (*CALLS, "getpid")}
    number = next(LIVES)

    def calling(name: str) -> object:
        def call(*arguments: object, **options: object) -> object:
            life.calls += 1
            life.dead = life.dead or life.calls >= before
            if life.dead:
                raise Killed
            return real[name](*arguments, **options)

        return call

    try:
        for name in CALLS:
            setattr(os, name, calling(name))
        os.getpid = lambda: number
        yield life
    except Killed:
        pass
    finally:
        for name, one in real.items():
            setattr(os, name, one)
