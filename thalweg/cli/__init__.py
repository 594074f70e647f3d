"""The command line: one file per verb, no logic. What it shows is drawn from what the verbs of `thalweg.api` return."""

import sys
from collections.abc import Sequence

STOPPED = """STOPPED  stopped by SIGINT
  where  thalweg, while it was being started
  why    nothing had begun
  fix    repeat the command
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; see `thalweg.cli.program`."""
    try:
        from thalweg.cli import program
    except KeyboardInterrupt:  # the program's own words are not there yet
        sys.stderr.write(STOPPED)
        return 130
    if arguments is None:  # the process is ours: Python's own answer to Ctrl-C would be a traceback
        program.end_by_signals()
    return program.main(arguments)


__all__ = ["main"]
