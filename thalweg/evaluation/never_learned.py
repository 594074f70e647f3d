"""Classes that are judged though no training row is of them: what a figure means where some answers could not be known."""

from typing import Any

import torch

from thalweg.core.errors import some_of
from thalweg.data.dataset import Dataset
from thalweg.evaluation.evaluate import BATCH, Evaluation
from thalweg.evaluation.figures import Unit
from thalweg.evaluation.leaving_out import value_of
from thalweg.tasks._task import Task


def never_learned(task: Task, dataset: Dataset, found: Evaluation) -> list[str]:
    """A sentence on classes of the part that was judged of which training had no row; none where it had all of them."""
    target = task.encodings.of_role("target")
    counts = (target[0].balance or []) if len(target) == 1 else []
    strange = [code for code, count in enumerate(counts) if not count]
    if not strange:
        return []
    codes = torch.cat([batch[target[0].name].cpu() for batch in dataset.batches(found.part, size=BATCH)])
    outside = torch.isin(codes, torch.tensor(strange))
    here = [code for code in strange if (codes == code).any()]
    if not here:
        return []
    names = some_of([f'"{one}"' for one in target[0].decode(torch.tensor(here))])
    said = f"{int(outside.sum()):,} of these {len(codes):,} examples are of {names}, of which no training row was"
    return [f"{said}: they cannot be known{_of_the_rest(found, ~outside)}"]


def _of_the_rest(found: Evaluation, known: torch.Tensor) -> str:
    """The headline over the examples (n,) of classes that were learned, in words."""
    metric: Any = found.metrics[found.headline]
    rows = found.rows.get(found.headline)
    value = value_of(metric, rows[known]) if rows is not None and len(rows) == len(known) and known.any() else None
    unit = Unit.of(metric)
    return "" if value is None else f"; {unit.title} over the others: {unit.value(value, None)}"
