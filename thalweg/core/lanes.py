"""Lanes: parts of a batch are computed side by side, each on one thread.

Threads within an operation wait for each other at the end of every one of them, which small operations never make good; lanes
wait once a step.
"""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

import torch

A = TypeVar("A")
B = TypeVar("B")


class Lanes:
    """So many lanes; the calling thread is one of them.

    What is computed in them must draw nothing from torch's own generator, of which all threads share one.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(max(count - 1, 1), "lane", initializer=functools.partial(torch.set_num_threads, 1))

    def map(self, act: Callable[[A], B], parts: Sequence[A]) -> list[B]:
        """What comes of each part, in order; at most as many parts as there are lanes."""
        assert 0 < len(parts) <= self.count
        others = [self._pool.submit(act, part) for part in parts[1:]]
        try:
            return [act(parts[0]), *(one.result() for one in others)]
        finally:
            wait(others)


@functools.cache
def lanes(count: int) -> Lanes:
    """The lanes of that number; their threads are kept."""
    return Lanes(count)
