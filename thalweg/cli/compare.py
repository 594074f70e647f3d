"""`thalweg compare RUN [--seeds 5 | --folds]`: the verdict on a model, or over seeds or folds on the way of training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Flag, Number, Page, Verb
from thalweg.cli.outcome import result_lines, run_facts
from thalweg.cli.terminal import paragraph
from thalweg.core.errors import UsageRefusal
from thalweg.core.talk import Talk

METHOD = ("seeds", "folds")
"""What a way of training is judged over."""


def compare(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Compare, and show the table and the verdict; over seeds or folds, the verdict on the method."""
    asked = [name for name in ("seeds", "folds", "no_folds") if given[name]]
    if len(asked) > 1:
        words = " and ".join("--" + name.replace("_", "-") for name in asked)
        why = "seeds keep the test part, folds cut all rows anew"
        raise UsageRefusal("FLAGS_CONFLICT", f"{words} answer two questions", where=words, why=why, fix="leave one out")
    from thalweg import api

    run = Path(given["run"])
    folds = True if given["folds"] else False if given["no_folds"] else None
    found = api.compare(run, seeds=given["seeds"], folds=folds, talk=talk)
    over = [name for name in METHOD if f"over_{name}" in found]
    lines = result_lines(found, run, page, hint=not over)
    for name in over:
        lines += paragraph(name, [found[f"over_{name}"]["verdict"]["sentence"]], width=page.width)
    return Answer(lines, run_facts(found, run) | {f"over_{name}": found[f"over_{name}"] for name in over})


VERB = Verb(
    "compare",
    "Net and baselines of a run, and the verdict. With --seeds or --folds, on the way of training.",
    [
        click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path)),
        Flag("--seeds", type=Number(3, 100), metavar="N", help="How many trainings in all; those that are done stay."),
        Flag("--folds", is_flag=True, help="Judge every row by a training that did not see it: 5 folds, twice."),
        Flag("--no-folds", is_flag=True, help="Do not do so unasked where the data are few."),
    ],
    compare,
    example="RUN is a run's folder. What was trained stays in its seeds/ and folds/; the command may be repeated, also after "
    "a stop. Below 1,000 rows without a test part of their own, folds are taken unasked where they take about a minute.",
)
