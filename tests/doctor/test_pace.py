"""When steps are looked into."""

from itertools import pairwise

from thalweg.doctor.pace import FIRST, Pace


def _sampled(steps: int, cost: float) -> list[int]:
    pace, found = Pace(), []
    for step in range(steps):
        if pace.due(step):
            pace.sampled(step, 0.001 + cost)
            found.append(step)
        else:
            pace.plain(0.001)
    return found


def test_samples_lie_so_far_apart_that_they_take_two_hundredths_of_the_time_and_one_hundredth_later():
    late = [one for one in _sampled(20_000, 0.005) if one > 5000]
    assert {after - before for before, after in pairwise(late)} == {500}
    early = [one for one in _sampled(500, 0.0005) if one > 100]
    assert {after - before for before, after in pairwise(early)} == {25}


def test_a_short_training_is_looked_into_before_it_has_doubled_whatever_that_costs():
    assert _sampled(300, 1.0) == [*FIRST, 36, 72, 144, 288]
