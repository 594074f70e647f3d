"""Lanes: parts of a batch are computed side by side, each on one thread.

Threads within an operation wait for each other at the end of every one of them, which small operations never make good; lanes
wait once a step.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

from thalweg.core import drawing

A = TypeVar("A")
B = TypeVar("B")


class Lanes:
    """So many lanes; the calling thread is one of them."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(max(count - 1, 1), "lane", initializer=functools.partial(torch.set_num_threads, 1))

    def map(self, act: Callable[[A], B], parts: Sequence[A], *, seed: int) -> list[B]:
        """What comes of each part, in order; at most as many parts as there are lanes.

        Args:
            seed: of what is drawn within, in each lane by its number.
        """
        assert 0 < len(parts) <= self.count
        others = [self._pool.submit(_within, act, part, seed + number) for number, part in enumerate(parts[1:], 1)]
        try:
            return [_within(act, parts[0], seed), *(one.result() for one in others)]
        finally:
            wait(others)

    def ahead(self, act: Callable[[A], B], parts: Iterable[A]) -> Iterator[B]:
        """What comes of each part, in order; the calling thread draws the next parts while the other lanes act.

        Twice as many parts as there are lanes are drawn ahead of the one that is waited for. What is drawn from torch's own
        generator within would come in another order every time: `act` must not.
        """
        begun: deque[Future[B]] = deque()
        try:
            for part in parts:
                begun.append(self._pool.submit(act, part))
                if len(begun) > 2 * self.count:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for one in begun:
                one.cancel()
            wait(begun)


def _within(act: Callable[[A], B], part: A, seed: int) -> B:
    drawing.own.generator = torch.Generator().manual_seed(seed)
    try:
        return act(part)
    finally:
        drawing.own.generator = None


@functools.cache
def lanes(count: int) -> Lanes:
    """The lanes of that number; their threads are kept."""
    return Lanes(count)
