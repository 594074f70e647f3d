"""What quick models read of the inputs: a table of plain cells, or the clues of one rich column."""

from typing import Any, NamedTuple

import numpy as np

from thalweg.checks.against_target import as_number
from thalweg.checks.identity import is_identifier
from thalweg.checks.seen import Seen
from thalweg.checks.subject import Subject
from thalweg.core import registry

TABLE_JUDGES = ("boosting", "extra-trees")
AXES = 100
"""Columns of a dense table that models read; of wider ones the axes along which rows differ most."""
FEW_CELLS = 3
"""Beside a rich column (text, pictures), fewer plain columns than this are left aside."""


class Read(NamedTuple):
    """The rows that were read, a matrix (n, d), dense or sparse, and the names of the models that suit it."""

    rows: np.ndarray
    table: Any
    judges: tuple[str, ...]


def read(subject: Subject, rows: np.ndarray, *, without: Seen | None = None) -> Read | None:
    """What models read of some rows; None where no input can be read."""
    cells = [one for one in subject.short_cells if one is not without and not is_identifier(one)]
    rich = [one for one in subject.inputs if one.kind in registry.names("clues") and one is not without]
    if rich and len(cells) < FEW_CELLS:
        kept, table = registry.load("clues", str(rich[0].kind))(subject, rich[0], rows)
        return Read(kept, _shortened(table), registry.facts("clues", str(rich[0].kind))["judges"]) if len(kept) else None
    if not cells:
        return None
    return Read(rows, np.stack([as_number(one)[rows] for one in cells], axis=1), TABLE_JUDGES)


def _shortened(table: Any) -> Any:
    """The table (n, d), or where it is dense and wide (n, 100) its principal axes, found without a look at any label."""
    if not isinstance(table, np.ndarray) or min(table.shape) <= AXES:
        return table
    from sklearn.decomposition import PCA

    return PCA(AXES, svd_solver="randomized", random_state=0).fit_transform(table)
