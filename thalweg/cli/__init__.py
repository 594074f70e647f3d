"""The command line: one file per verb, no logic. What it shows is drawn from what the verbs of `thalweg.api` return."""

from thalweg.cli.program import main

__all__ = ["main"]
