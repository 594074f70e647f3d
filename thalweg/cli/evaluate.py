"""`thalweg evaluate RUN [DATA]`: the metrics of a run with their intervals, on its own test part or on other data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.cli.outcome import figures_table
from thalweg.core.talk import Talk


def evaluate(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Measure, and show each metric with its interval."""
    from thalweg import api

    found = api.evaluate(given["run"], given["data"], talk=talk)
    examples = f"{found['examples']:,} examples of " if found.get("examples") else ""
    talk.say("data", examples + (str(given["data"]) if given["data"] else "the run's own test part"))
    return Answer(figures_table(found, page), {"run": str(given["run"]), "data": given["data"], **found})


VERB = Verb(
    "evaluate",
    "The metrics of a run with their intervals: on its own test part, or on DATA.",
    [
        click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path)),
        click.Argument(["data"], metavar="[DATA]", required=False),
    ],
    evaluate,
)
