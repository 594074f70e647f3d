"""When a run is saved by the clock: often where that is cheap, seldom where it is dear."""

from itertools import pairwise
from types import SimpleNamespace

import pytest

from thalweg.core.behind import Behind
from thalweg.core.position import Position
from thalweg.training.listeners import SPARING, Checkpointer
from thalweg.training.loop import Progress


class Clock:
    """Seconds that pass as it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("copying", "between"), [(0.001, 10.0), (0.4, 0.4 * SPARING)], ids=["small", "large"])
def test_large_states_are_saved_less_often(copying, between):
    clock, saved = Clock(), []

    def save(progress):
        saved.append(clock.now)
        clock.now += copying

    watch = Checkpointer(save, Behind(), seconds=10.0, steps=None, clock=clock)
    for _ in range(2000):
        clock.now += 0.5
        watch(Progress(Position(total=10), None), SimpleNamespace())
    gaps = [later - before for before, later in pairwise(saved)]
    assert saved[0] == 10.0
    assert min(gaps) >= between
    assert max(gaps) <= between + copying + 0.5
