"""How many threads a net's steps are worth: by its parameters, and by the work of a step where each serves many times."""

import dataclasses

from thalweg.data.dataset import Environment
from thalweg.rules._gradient import GradientRule
from thalweg.training.layer_calls import unchanged
from thalweg.training.profile_work import Operations
from thalweg.training.stage import Stage

SMALL_NET = 200_000
"""Parameters below which threads cost more in waiting for each other than they gain, unless a step does much all the same."""
SMALL_STEP = 200_000_000
"""Floating-point operations of a step from which threads gain also in a small net.

Two threads against one, 20 small nets and batches on two cores of an AMD EPYC (forward and backward, medians of 8 in turn):
below, .82 to 1.29 times as fast (GRU, attention and LSTM lost); above, 1.04 to 1.72.
"""
ROWS = 2
"""That are counted; one has no variance to normalise by."""


def threads_for(stage: Stage, most: int) -> int:
    """Threads within operations by which a stage's steps are expected to be fastest; a function of net and batches alone.

    In a small net two at most: four took twice the time of two on digits (LOG.md).
    """
    parameters = sum(one.numel() for one in stage.rule.shipped.parameters())
    if parameters >= (stage.threads_from or SMALL_NET):
        return most
    return min(2, most) if stage.threads_from is None and operations(stage) >= SMALL_STEP else 1


def operations(stage: Stage) -> int:
    """Floating-point operations of a step, forward and backward, from those of two rows; 0 where they cannot be counted."""
    rule = stage.rule
    if not isinstance(rule, GradientRule) or isinstance(stage.dataset, Environment):
        return 0
    batch = next(iter(stage.dataset.batches("train", size=ROWS)), None)
    if batch is None or batch.size < ROWS:
        return 0
    at = dataclasses.replace(stage.progress.position, path=("work",))
    with unchanged(rule.model), rule.at_rest.held(), Operations() as seen:
        try:
            rule.task.objective(rule.model, rule.prepare(batch, at))
        except Exception:  # noqa: BLE001 - whatever a net may raise: the rehearsal and the first step tell of it
            return 0
    length, rows = stage.batches.length, stage.dataset.rows("train")
    return 3 * seen.flops * (rows // length if rows and length else ROWS) // ROWS
