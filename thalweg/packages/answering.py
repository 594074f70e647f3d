"""Answering: batches through a model, several side by side where that changes nothing but the time.

Operations on a thousand rows are too small for threads within them, which wait for each other in every one; so each thread
answers batches of its own, while the calling one encodes those that come next; where a trial found that threads within large
operations are faster, batches are answered one by one.
"""

import time
from collections.abc import Callable, Iterator
from itertools import chain, islice

import torch
from torch import nn

from thalweg.core.lanes import lanes
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.fields.column import Column
from thalweg.packages.blocks import Supply
from thalweg.packages.ways import LONG, Remembered, tried, within

Answered = tuple[dict[str, Column], list[int]]
"""The raw values of a batch by name, and the numbers of the rows in whose answers a value is NaN."""
Answer = Callable[[Batch, Position], Answered]


def one_by_one(supply: Supply, answer: Answer) -> Iterator[Answered]:
    """The answers to batches, one after the other, each with all threads."""
    return (answer(batch, at) for batch, at in supply)


def side_by_side(supply: Supply, answer: Answer, model: nn.Module, *, rows: int = 0) -> Iterator[Answered]:
    """The answers to batches in their order, computed on as many threads as torch has: each batch on one, or as was tried.

    The first batch is answered alone: a model that draws from torch's generator or changes a buffer on the way answers all of
    them one after the other; so does one with parts of somebody else's, which may keep something on the way, and nobody knows.

    Args:
        rows: how many there are in all; 0 where that is not known, and nothing is tried.
    """
    begun = list(islice(supply, 2))
    threads = torch.get_num_threads()
    if len(begun) < 2 or threads == 1 or not _keeps_nothing(model):
        yield from one_by_one(chain(begun, supply), answer)
        return
    before, remembered = _state(model), Remembered.of(model, begun[0][0])
    torch.set_num_threads(1)
    try:
        at = time.perf_counter()
        first = answer(*begun[0])
        seconds = (time.perf_counter() - at) * rows / begun[0][0].size / threads
        apart = _state(model) == before
        yield first
        rest = chain(begun[1:], supply)
        yield from _apart(rest, answer, remembered, threads=threads, seconds=seconds) if apart else ()
    finally:
        torch.set_num_threads(threads)
    if not apart:
        yield from one_by_one(chain(begun[1:], supply), answer)


def _apart(supply: Supply, answer: Answer, remembered: Remembered, *, threads: int, seconds: float) -> Iterator[Answered]:
    """The answers to batches that do not depend on each other, the way that is remembered or, if they take long, is found.

    Args:
        threads: that work; torch has one before and after.
        seconds: that they take, about.
    """

    def act(given: tuple[Batch, Position]) -> Answered:
        return answer(*given)

    way = remembered.way
    if way is None and remembered.path is not None and seconds >= LONG:
        first = list(islice(supply, threads))
        way, answers = tried(act, first, threads)
        remembered.keep(way)
        yield from answers
    if way == "within":
        for given in supply:
            yield from within(act, [given], threads)
    else:
        yield from lanes(threads + 1).ahead(act, supply)


def _keeps_nothing(model: nn.Module) -> bool:
    """All parts are thalweg's or torch's own, whose `forward` keeps nothing in the module, and nobody listens in them."""
    parts = list(model.modules())
    known = all(type(one).__module__.partition(".")[0] in ("thalweg", "torch") for one in parts)
    return known and not any(one._forward_hooks or one._forward_pre_hooks or "forward" in vars(one) for one in parts)


def _state(model: nn.Module) -> tuple[object, ...]:
    """What differs after a model drew from torch's generator or wrote to a buffer."""
    buffers = [(id(one), one._version) for one in model.buffers() if not one.is_inference()]
    return (torch.get_rng_state().numpy().tobytes(), *buffers)
