"""`thalweg evaluate RUN [DATA]`: the metrics of a run with their intervals, on its own test part or on other data."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Flag, Page, Verb
from thalweg.cli.outcome import figures_table
from thalweg.cli.terminal import paragraph
from thalweg.core.talk import Talk


def evaluate(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Measure, and show each metric with its interval."""
    from thalweg import api

    said = {"on_bad_file": given["on_bad_file"], "i_know": given["i_know"], "group": given["group"], "by": given["by"]}
    found = api.evaluate(given["run"], given["data"], **said, talk=talk)
    examples = f"{found['examples']:,} examples" if found.get("examples") else "examples"
    if "groups" in found:
        examples += f" in {found['groups']:,} groups, which the intervals count"
    of = f"all that {given['data']} gives, whatever part they were" if given["data"] else "the run's own test part"
    talk.say("data", f"measured on {examples}: {of}")
    return Answer(
        [*figures_table(found, page), *_subgroups(found, page)], {"run": str(given["run"]), "data": given["data"], **found}
    )


def _subgroups(found: Mapping[str, Any], page: Page) -> list[str]:
    """A line for each subgroup, and what may be claimed of them."""
    told = found.get("by")
    if not told:
        return []
    from thalweg.evaluation.figures import Unit
    from thalweg.report.subgroups_section import cells

    unit = Unit(**found["units"][told["metric"]])
    rows: list[tuple[str, ...]] = [(f"{told['column']}", "rows", unit.title, "interval", "better than the rest by")]
    rows += [cells(one, unit) for one in told["subgroups"]]
    rows += [(one["name"], f"{one['rows']:,}", "", "", "too few") for one in told["left_out"]]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "",
        *("  " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows),
    ]
    return [*lines, "", *paragraph("gaps", [told["sentence"]], width=page.width)]


VERB = Verb(
    "evaluate",
    "The metrics of a run with their intervals: on its own test part, or on all of DATA.",
    [
        click.Argument(["run"], metavar="RUN", type=click.Path(path_type=Path)),
        click.Argument(["data"], metavar="[DATA]", required=False),
        Flag("--group", metavar="NAME", help="Column of DATA whose equal values belong together: intervals count groups."),
        Flag("--by", metavar="NAME", help="Column whose values make subgroups: each is held against the rest."),
        Flag("--i-know", is_flag=True, help="Measure also on rows that the run has learned from."),
        Flag("--on-bad-file", metavar="skip|refuse", help="What a broken file leads to."),
    ],
    evaluate,
    example="RUN is a run's folder; or its model/ folder alone, and then DATA is needed.",
)
