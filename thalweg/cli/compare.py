"""`thalweg compare RUN [--seeds 5]`: the verdict on a model, or over several seeds on the way of training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Flag, Number, Page, Verb
from thalweg.cli.outcome import result_lines, run_facts
from thalweg.cli.terminal import paragraph
from thalweg.core.talk import Talk


def compare(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Compare, and show the table and the verdict; over seeds, the verdict on the method."""
    from thalweg import api

    run = Path(given["run"])
    found = api.compare(run, seeds=given["seeds"], talk=talk)
    facts = run_facts(found, run) | {key: found[key] for key in ("over_seeds",) if key in found}
    lines = result_lines(found, run, page)
    if given["seeds"] is not None:
        lines += paragraph("seeds", [found["over_seeds"]["verdict"]["sentence"]], width=page.width)
    return Answer(lines, facts)


VERB = Verb(
    "compare",
    "Net and baselines of a run, and the verdict. With --seeds, the same training from further seeds: of the method.",
    [
        click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path)),
        Flag("--seeds", type=Number(3, 100), metavar="N", help="How many trainings in all; those that are done stay."),
    ],
    compare,
    example="RUN is a run's folder. What was trained stays in its seeds/; the command may be repeated, also after a stop.",
)
