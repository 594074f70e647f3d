"""`thalweg doctor [RUN]`: what is wrong with a run, or with this installation, and what to change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.cli.terminal import paragraph
from thalweg.core.errors import PackageRefusal
from thalweg.core.talk import Talk

FACT = 13
"""Columns that the name of a fact takes."""


def doctor(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Look, and say what was found, the gravest first; what is damaged has the exit code of its refusal."""
    from thalweg import api

    found = api.doctor(given["run"])
    lines = []
    for label, value in found["facts"].items():
        lines += paragraph(label, [str(value)], width=page.width, indent=FACT)
    for finding in found["findings"]:
        sure = f" ({finding['sure']})" if "sure" in finding else ""
        told = [finding["what"] + sure, *(f"{word}: {finding[word]}" for word in ("where", "why", "fix") if finding[word])]
        lines += ["", *paragraph(finding["severity"], told, width=page.width, indent=FACT)]
    if not found["findings"]:
        lines += ["", "Nothing is wrong as far as this looks."]
    damaged = any("code" in finding for finding in found["findings"])
    return Answer(lines, found, PackageRefusal.exit_code if damaged else 0)


VERB = Verb(
    "doctor",
    "What is wrong with a run and what to change; without RUN, with this installation.",
    [click.Argument(["run"], metavar="[RUN]", required=False, type=click.Path(path_type=Path))],
    doctor,
    needs_all=False,
)
