"""What the doctor found in the training: each thing with its figures, place and remedy; nothing where nothing was found."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from thalweg.core.errors import PackageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.report.markup import section, table, text
from thalweg.report.run_facts import Facts
from thalweg.training.run_trace import traced

TITLE = "What may be wrong with the training"


def doctor_section(facts: Facts) -> str:
    """A row for each finding."""
    found: Sequence[dict[str, Any]] = ()
    with suppress(PackageRefusal):  # a damaged trace is told of by the doctor; the report needs none
        found = traced(RunFolder(facts.path), facts.results).findings
    rows = [[text(one[word]) for word in ("what", "where", "fix", "sure")] for one in found]
    told = table(["what", "where", "what to change", "how sure"], rows, named=TITLE)
    return section("doctor", TITLE, f'<div class="rows">{told}</div>' if rows else "")
