"""The command line, run inside the test's process or in one of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lint_refusal import assert_sound_error, assert_sound_refusal
from thalweg.cli import main

QUICK = ("--epochs", "2", "--threads", "1", "--no-compare", "--quiet")


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str


class Line:
    """Runs command lines in the test's process and keeps what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ran:
        self.capsys.readouterr()
        code = main([str(one) for one in arguments])
        printed = self.capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    def refused(self, code: int, *arguments: str | Path) -> dict[str, str]:
        """Run what must be refused with that exit code; the refusal is linted as text and as JSON, and given by its parts."""
        ran = self(*arguments)
        assert ran.code == code, ran
        assert ran.out == "", ran.out
        told = assert_sound_refusal(ran.code, ran.err)
        again = self(*arguments, "--json")
        error = assert_sound_error(again.code, again.out)
        assert (again.code, error["code"]) == (code, told["code"])
        return {**error, **{"shown": ran.err}}


def process(*arguments: str | Path, options: tuple[str, ...] = (), **environment: str) -> subprocess.Popen:
    """A command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *options, "-m", "thalweg", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), **environment},
    )


def ended(running: subprocess.Popen) -> Ran:
    """Wait for a process and give what it printed."""
    out, err = running.communicate(timeout=100)
    return Ran(running.returncode, out, err)
