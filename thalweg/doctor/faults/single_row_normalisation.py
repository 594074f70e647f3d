"""Batch normalisation over one or two rows."""

from collections import Counter

from thalweg.core.registry import fault
from thalweg.doctor.found import Found
from thalweg.doctor.trace import Trace

MOST_ROWS, SHARE = 2, 0.5
"""Rows that are too few to tell means and deviations from, in so large a share of the samples."""


@fault(
    "single-row-normalisation",
    turn=30,
    severity="error",
    about="pipeline",
    hides=("units", "slope", "fast", "slow", "labels", "capacity", "noise", "overfitting", "late"),
    at_once=True,
)
def single_row_normalisation(trace: Trace) -> Found | None:
    """Batch normalisation sees one or two rows, so that an example is normalised by itself, or with one other."""
    rows = [[one for one in sample.layers if one.batch_norm] for sample in trace.samples]
    rows = [layers for layers in rows if layers]
    few = [layers for layers in rows if min(one.rows for one in layers) <= MOST_ROWS]
    if not rows or len(few) < SHARE * len(rows):
        return None
    names = [one.name for layers in few for one in layers if one.rows <= MOST_ROWS]
    least = min(one.rows for layers in few for one in layers)
    name = Counter(names).most_common(1)[0][0]
    held, why = (
        ("one row", "each example is normalised by itself")
        if least == 1
        else (f"{least} rows", "each example is normalised with one other, whichever that is")
    )
    return Found(
        f"batch normalisation sees {held} at a time in {len(few)} of {len(rows)} sampled steps",
        f"layer {name}",
        f"{why}, and evaluation, by running means, does otherwise",
        "take larger batches (16 rows or more), or normalise by nn.GroupNorm or nn.LayerNorm",
        "certain" if least == 1 else "likely",
        "--batch-size 16 or more, or a model without batch normalisation",
    )
