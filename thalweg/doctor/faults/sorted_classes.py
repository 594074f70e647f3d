"""Batches of one class after another."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import Trace

FEWEST_SAMPLES, FEWEST_ROWS, SHARE, LEAST = 5, 8, 0.5, 0.5
"""Samples, and rows of each; the entropy of a batch's labels over that of all; the latter in nats."""


@fault(
    "sorted-classes",
    turn=55,
    severity="warning",
    about="order",
    hides=("labels", "noise", "overfitting", "capacity"),
    at_once=True,
)
def sorted_classes(trace: Trace) -> Found | None:
    """Each batch holds few of the classes: the data are sorted and not shuffled."""
    seen = [one.answers for one in trace.samples if one.answers is not None and one.answers.hard]
    entropies = [one.entropy for one in seen if one.entropy is not None and one.rows >= FEWEST_ROWS]
    if len(entropies) < FEWEST_SAMPLES or trace.labels is None or trace.labels.entropy < LEAST:
        return None
    usual = median(entropies)
    if usual >= SHARE * trace.labels.entropy:
        return None
    return Found(
        f"labels within a batch have an entropy of {shown(usual)} nats, all labels {shown(trace.labels.entropy)}",
        "the order of the training data",
        "each step learns the classes of its batch and forgets the others",
        "shuffle: DataLoader(..., shuffle=True)",
        "sure",
    )
