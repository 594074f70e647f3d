"""What was found wrong with the data before a run, kept with it, so that rows are cut alike whenever they are read again."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from thalweg.core import files
from thalweg.core.run_folder import RunFolder
from thalweg.data.dataset import Examples


@dataclass(frozen=True)
class Examined:
    """What an examination came to.

    Attributes:
        lines: for people, below the lines on the data; none where nothing was looked at.
        facts: the same as JSON values, for `data.json`.
        groups: rows that are copies of each other and stay in one part.
    """

    lines: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    groups: Sequence[Sequence[int]] = ()

    @staticmethod
    def of_run(folder: RunFolder) -> "Examined | None":
        """What a run's folder says; None where nothing was written yet.

        Raises:
            PackageRefusal: it is damaged.
        """
        if not folder.data.is_file():
            return None
        written = files.read_object(folder.data, where=folder.data.name)
        facts: dict[str, Any] = {key: written[key] for key in ("findings", "looked_at_in_part") if key in written}
        groups = written.get("together") or []
        with files.understood(folder.data):
            whole = all(isinstance(group, list) and all(type(row) is int for row in group) for group in groups)
        return Examined((), facts, groups if whole else [])

    def as_json(self) -> dict[str, Any]:
        """What `of_run` reads."""
        return dict(self.facts) | ({"together": [list(group) for group in self.groups]} if self.groups else {})

    def applied(self, examples: Examples) -> Examples:
        """The examples, knowing which rows stay together; rows that are not there are left aside."""
        if not self.groups:
            return examples
        number = np.arange(len(examples))
        for group in self.groups:
            here = [row for row in group if 0 <= row < len(number)]
            number[here] = min(here, default=0)
        return dataclasses.replace(examples, together=number)


Examine = Callable[[Examples], Examined]
"""Looks at what was read, before anything is made of it; may refuse it."""
