"""`thalweg list [SORT]`: what can be named."""

from collections.abc import Mapping
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.core.talk import Talk


def listing(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """The names of a sort with what each is, or the sorts."""
    from thalweg.cli.listed import listed

    return listed(given["sort"], page)


VERB = Verb(
    "list",
    "What can be named: models, tasks, rules, kinds, datasets, losses, metrics, optimizers, ...",
    [click.Argument(["sort"], metavar="[SORT]", required=False)],
    listing,
    needs_all=False,
    example="Without SORT: the sorts, and how many of each there are.",
)
