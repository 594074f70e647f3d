"""Many rows answered by a chain of dense layers: each thread reads, answers and decodes rows of its own, a few at a time.

Nothing is encoded before it is answered, and what inputs are scaled by is part of the first layer's weights. Which rows are
answered at once follows from how many there are, not from the threads.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import nn

from thalweg.core.device import one_thread
from thalweg.core.lanes import lanes
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.engine.answering_chain import AnsweringChain
from thalweg.fields.column import Column
from thalweg.fields.encoding import BadRows, Encodings
from thalweg.fields.straight import NotStraight, Straight
from thalweg.packages.answering import Answer, Answered
from thalweg.tasks._task import Task

AT_ONCE, READ = 2048, 3 << 19
"""Rows that are answered at once, at most, and bytes that are read for them."""
FEW, PARTS = 512, 4
"""Up to so many rows are one part; of more, the number of parts is a multiple, so that few threads have as many each."""
EVEN = 16
"""Parts but the last are of a multiple of so many rows: what is left of these is reckoned by other instructions."""
T = TypeVar("T")


def by_rows(
    task: Task, model: nn.Module, read: Encodings, columns: Mapping[str, Column], answer: Callable[[AnsweringChain], Answer]
) -> list[Answered] | None:
    """The answers to all rows, in order of parts; None where they are to be answered batch by batch.

    That is so where a prediction asks more than the model, the model is no chain, or some rows are not as they should be.

    Args:
        columns: as `look_over` gives them.
        answer: what a batch is answered with, by a model.
    """
    rows, threads = len(next(iter(columns.values()))), torch.get_num_threads()
    with one_thread():  # others would look out for more work on the cores of those that answer
        chain = _chain(task, model, read, columns)
    if chain is None:
        return None
    straight, answered = chain[0], answer(chain[1])
    at, edges = Position(), _edges(rows, chain[1])

    def part(number: int) -> Answered:
        first, last = edges[number], edges[number + 1]
        fields = {name: one.read(first, last) for name, one in straight.items()}
        return answered(Batch(fields, last - first, first, rows, torch.arange(first, last)), at)

    try:
        return _spread(part, len(edges) - 1, threads) if len(edges) > 2 else [part(0)]
    except NotStraight:
        return None


def _chain(
    task: Task, model: nn.Module, read: Encodings, columns: Mapping[str, Column]
) -> tuple[dict[str, Straight], AnsweringChain] | None:
    """The inputs, readable some rows at a time, and the chain that reads them so."""
    if not _asks_the_model_alone(task) or any(one.dtype != torch.float32 for one in model.parameters()):
        return None
    straight: dict[str, Straight] = {}
    for name, one in read.items():
        given = [columns[field] for field in one.fields]
        try:
            one.check(given)
            found = one.straight(given)
        except BadRows:  # all such rows are named by who encodes them
            return None
        if found is None:
            return None
        straight[name] = found
    chain = AnsweringChain.of(model, straight)
    return (straight, chain) if chain is not None else None


def _asks_the_model_alone(task: Task) -> bool:
    """Who wrote the task's `predict` says so of it."""
    owner = next(one for one in type(task).__mro__ if "predict" in vars(one))
    return bool(vars(owner).get("by_rows", False))


def _edges(rows: int, chain: AnsweringChain) -> list[int]:
    """Where parts of near-equal length begin, and the last ends."""
    if rows <= FEW:
        return [0, rows]
    size = max(EVEN, min(AT_ONCE, READ // (4 * len(chain.layers[0][1]))))
    parts, tuples = PARTS * -(-rows // (PARTS * size)), -(-rows // EVEN)
    return [*(EVEN * (number * tuples // parts) for number in range(parts)), rows]


def _spread(act: Callable[[int], T], count: int, threads: int) -> list[T]:
    """What comes of each number below `count`, in order; each thread takes the next one when it is done with its last."""
    found: dict[int, T] = {}
    numbers = itertools.count()

    def some(_: int) -> None:
        with torch.inference_mode():
            for number in numbers:
                if number >= count:
                    return
                found[number] = act(number)

    with one_thread():
        lanes(threads).map(some, range(threads), seed=0)
    return [found[number] for number in range(count)]
