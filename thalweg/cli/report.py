"""`thalweg report RUN`: write the run's report anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.core.talk import Talk


def report(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Write the report and say where it is."""
    from thalweg import api

    path = api.report(given["run"])
    return Answer([str(path)], {"run": str(given["run"]), "report": str(path)})


VERB = Verb(
    "report",
    "Write the report of a run anew, from its folder alone.",
    [click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path))],
    report,
)
