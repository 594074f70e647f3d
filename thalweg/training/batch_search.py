"""The search for a batch size: from few rows to many, how many a second, and how many memory would hold.

Larger batches mean fewer updates in an epoch, so the smallest size is taken that comes near the best throughput, of those that
leave a number of updates.
"""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from thalweg.core.errors import ResourceRefusal, UsageRefusal
from thalweg.core.exhaustion import Attempt
from thalweg.core.memory import free_bytes
from thalweg.training.stage import Stage
from thalweg.training.trial import Clock, steps_on, taken_back

SMALLEST, LARGEST = 16, 1 << 14
BUDGET = 8.0
"""Seconds that the search takes, about."""
WARM, TIMED = 1, 3
NEAR = 0.9
"""Share of the best throughput that is near enough."""
ROOM = 0.6
"""Share of the free memory that a batch may take."""
UNKNOWN = 2.0**32
"""Bytes taken to be free where the system does not say."""
UPDATES = 15
"""In an epoch, at least: a net that is fed fast and seldom moved learns little."""
LESS = 2
"""Sizes in a row that are no faster, after which no larger one is tried."""


def batch_search(build: Callable[[int], Stage], rows: int | None, *, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Sizes that were tried with their throughput, the one to take, and the largest that would fit, as JSON values.

    Args:
        build: a stage with batches of a size; what it learns is forgotten.
        rows: there are to learn from; None: without end.
    """
    tried: list[dict[str, Any]] = []
    most = min(rows or LARGEST, LARGEST)
    first, size, held, attempt = clock(), min(SMALLEST, most), list[float](), Attempt()
    while True:
        with attempt:
            stage = build(size)
            share = stage.rule.context.processes.share
            tried.append({"rows": size, "per_second": round(share(_throughput(stage, size, clock)), 1)})
        if attempt.refused:
            return {"tried": tried, "suggested": most_productive(_some(tried), rows), "fits": tried[-1]["rows"]}
        first = first if held else clock()  # the first size also wakes the libraries
        held.append(_held())
        # bytes of a row: what one batch takes in any case is known
        each = (held[-1] - held[0]) / max(size - tried[0]["rows"], 1)
        free = free_bytes(stage.rule.context.device) or UNKNOWN
        full = size >= most or 2 * size * each > ROOM * free or clock() - first > BUDGET or _no_faster(tried)
        if share(full):
            break
        size = min(2 * size, most)
    fits = share(largest_that_fits(size, each, free, rows))
    return {"tried": tried, "suggested": most_productive(tried, rows), "fits": fits}


def _some(tried: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """What was tried before memory was refused.

    Raises:
        ResourceRefusal: nothing was.
    """
    if tried:
        return tried
    raise ResourceRefusal(
        "TRAIN_MEMORY_FULL",
        f"memory does not hold a step on {SMALLEST} rows",
        where="--find-batch-size, the smallest that is tried",
        why="there is no size to choose from",
        fix="a smaller model, shorter or smaller inputs, or more memory",
    )


def most_productive(tried: Sequence[dict[str, Any]], rows: int | None) -> int:
    """The smallest size that comes near the best throughput, among those that leave enough updates in an epoch."""
    leaving = [one for one in tried if rows is None or one["rows"] * UPDATES <= rows] or list(tried[:1])
    best = max(one["per_second"] for one in leaving)
    return int(min(one["rows"] for one in leaving if one["per_second"] >= NEAR * best))


def largest_that_fits(size: int, each: float, free: float, rows: int | None) -> int:
    """The largest size, from one that does, whose batches memory would hold; no more rows than there are.

    Args:
        each: bytes that a row takes.
    """
    most = rows or 1 << 24
    fitting = size
    while fitting < most and 2 * fitting * each <= ROOM * free:
        fitting *= 2
    return min(fitting, most)


def _throughput(stage: Stage, size: int, clock: Clock) -> float:
    """Rows a second."""
    with taken_back(stage):
        stage.begin()
        steps_on(stage, 0, WARM)
        first = clock()
        steps_on(stage, WARM, TIMED)
        return size * TIMED / max(clock() - first, 1e-9)


def _no_faster(tried: Sequence[dict[str, Any]]) -> bool:
    """The last sizes brought nothing."""
    if len(tried) <= LESS:
        return False
    best = max(one["per_second"] for one in tried[:-LESS])
    return all(one["per_second"] < best / NEAR for one in tried[-LESS:])


def _held() -> float:
    """Bytes that this process took at most."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return float(torch.cuda.max_memory_allocated())
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most) if sys.platform == "darwin" else 1024.0 * most


def refuse_without_batches(stage: Stage) -> None:
    """Raise where a rule has no batches whose size can be set."""
    if "batch_size" in type(stage.rule.settings).model_fields:
        return
    name = stage.rule.declaration.name  # type: ignore[attr-defined]
    raise UsageRefusal(
        "FIND_BATCH_SIZE_NONE",
        f"the rule {name} has no batches whose size could be chosen",
        where="--find-batch-size",
        why="there is nothing to look for",
        fix="leave it out",
    )
