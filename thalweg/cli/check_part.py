"""`thalweg check-part FILE`: what every part must pass, run on the parts in a file of yours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from thalweg.cli.flags import Answer, Page, Verb
from thalweg.core.errors import PackageRefusal
from thalweg.core.talk import Talk


def check_part(given: Mapping[str, Any], talk: Talk, page: Page) -> Answer:
    """Run the contracts; the exit code is that of a bad model when one does not hold."""
    from thalweg.contracts.part_file import check_part as findings_of

    findings = list(findings_of(given["file"]))
    failed = sum(not one.passed for one in findings)
    said = f"{failed} of {len(findings)} contracts do not hold" if failed else f"all {len(findings)} contracts hold"
    facts = [{"contract": one.contract, "passed": one.passed, "what": one.what, "fix": one.fix} for one in findings]
    code = PackageRefusal.exit_code if failed else 0
    return Answer([*(line for one in findings for line in str(one).split("\n")), said], {"contracts": facts}, code)


VERB = Verb(
    "check-part",
    "Run the contracts that every part must pass on the parts in FILE.",
    [click.Argument(["file"], metavar="FILE", type=click.Path(path_type=Path))],
    check_part,
)
