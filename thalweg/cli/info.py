"""`thalweg info NAME`: what a part is, or what a folder holds."""

from collections.abc import Mapping
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.core.talk import Talk


def info(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Every part of that name; or the folder at that path."""
    from thalweg.cli.described import described

    return described(given["name"], page)


VERB = Verb(
    "info",
    "What a part is and how it is set: NAME of a model, a loss, ...; or what a run or package holds.",
    [click.Argument(["name"], metavar="NAME")],
    info,
)
