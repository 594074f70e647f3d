"""Every refusal that thalweg makes while a test runs is looked at, whatever the test expects of it.

Nothing heavy is imported, so that tests of what is imported when still see the truth. What tests make themselves is not ours.
"""

import functools
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import thalweg
from tests.lint_refusal import unsound
from thalweg.core import errors

OURS = str(Path(thalweg.__file__).parent)
DECLARED = str(Path(errors.__file__))
EXIT_CODES = {
    errors.UsageRefusal: 2,
    errors.DataRefusal: 3,
    errors.PackageRefusal: 4,
    errors.TrainingRefusal: 5,
    errors.ResourceRefusal: 6,
}


@dataclass
class Watched:
    """The refusals that were made so far.

    Attributes:
        seen: how many there were.
        problems: what is wrong with them, a line each.
    """

    seen: int = 0
    problems: list[str] = field(default_factory=list)


@contextmanager
def watched() -> Iterator[Watched]:
    """The refusals that are made within."""
    found = Watched()
    made = errors.Refusal.__init__

    @functools.wraps(made)
    def observed(self: errors.Refusal, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        place = _maker()
        if place:
            found.seen += 1
            found.problems += [f"{place}: {problem}" for problem in problems_of(self)]

    errors.Refusal.__init__ = observed  # type: ignore[method-assign]
    try:
        yield found
    finally:
        errors.Refusal.__init__ = made  # type: ignore[method-assign]


def problems_of(refusal: errors.Refusal) -> list[str]:
    """What a refusal lacks, or should not have."""
    problems = unsound(refusal.as_dict(), str(refusal))
    wanted = next((code for kind, code in EXIT_CODES.items() if isinstance(refusal, kind)), refusal.exit_code)
    if refusal.exit_code != wanted:
        problems.append(f"{refusal.code} ends with {refusal.exit_code}, its class with {wanted}")
    try:
        json.dumps(refusal.as_dict(), allow_nan=False)
    except (TypeError, ValueError) as error:
        problems.append(f"{refusal.code} does not go into JSON: {error}")
    return problems


def _maker() -> str:
    """File and line of ours that made a refusal; nothing where a test did."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename == DECLARED:
        frame = frame.f_back
    name = frame.f_code.co_filename
    return f"{Path(name).relative_to(OURS)}:{frame.f_lineno}" if name.startswith(OURS) else ""
