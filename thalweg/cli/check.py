"""`thalweg check DATA`: what is wrong with data, with rows and remedies; `--against RUN`: beside a run's rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Flag, Page, Verb
from thalweg.cli.terminal import paragraph
from thalweg.cli.train import CHOICES, DATA
from thalweg.core.errors import DataRefusal
from thalweg.core.talk import Talk

TARGET = [one for one in CHOICES if "--target" in one.opts]
FLAGS = [*TARGET, *DATA, Flag("--set", type=DATA[1].type, many=True, help="Any setting: --set data.target=y; may be repeated.")]
AGAINST = Flag("--against", type=click.Path(path_type=Path), metavar="RUN", help="What is new beside what RUN was trained on.")
INDENT = 9


def check(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Look at everything, and show each finding; the exit code is that of bad data where one refuses."""
    from thalweg.cli.asked import asked_settings

    unsaid = {"epochs": None, "steps": None, "settings": None, "out": None, "resume": None}
    data, settings = asked_settings({**unsaid, **given}, FLAGS, talk)
    from thalweg import api

    found = api.check(data, against=given["against"], settings=settings, talk=talk)
    lines: list[str] = []
    for one in found.findings:
        lines += _shown(one.severity, [one.what, *filter(None, [one.why, one.fix])], page)
    grave, warned, noted = (len(found.of(severity)) for severity in ("refuse", "warn", "note"))
    counted = [
        f"{number} {word}"
        for number, word in ((grave, "to decide first"), (warned, "to look at"), (noted, "to know"))
        if number
    ]
    looked = f"; looked for {'; '.join(map(str, found.looked))}" if found.looked else ""
    lines += paragraph("check", [f"{found.rows:,} rows: {', '.join(counted) or 'nothing found'}{looked}"], width=page.width)
    return Answer(lines, found.as_json(), DataRefusal.exit_code if grave else 0)


def _shown(label: str, texts: list[str], page: Page) -> list[str]:
    return [*paragraph(label, texts, width=page.width, indent=INDENT), ""]


VERB = Verb(
    "check",
    "What is wrong with DATA: copies, leaks, wrong labels, gaps, outliers, broken files; each with rows and a remedy.",
    [click.Argument(["data"], metavar="DATA"), *FLAGS, AGAINST],
    check,
    example="Before every training the quick part of it runs by itself: thalweg train DATA --no-check leaves it out.",
)
