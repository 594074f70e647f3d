"""Schedules at points worked out by hand."""

import math

import pytest

from thalweg.core.registry import load, settings_of


def at(name, steps, total, **given):
    settings = settings_of("schedule", name, given)
    return [load("schedule", name)(settings, step, total) for step in steps]


def test_constant_is_one():
    assert at("constant", [0, 5, 9], 10) == [1.0, 1.0, 1.0]


def test_linear_falls_in_equal_steps_and_would_be_zero_after_the_last():
    assert at("linear", [0, 1, 5, 9, 10], 10) == pytest.approx([1.0, 0.9, 0.5, 0.1, 0.0])


def test_linear_holds_first_and_ends_at_its_floor():
    assert at("linear", [0, 30, 65, 100], 100, hold=0.3, floor=0.2) == pytest.approx([1.0, 1.0, 0.6, 0.2])


def test_cosine_is_half_a_cosine():
    assert at("cosine", [0, 5, 10, 20], 20) == pytest.approx([1.0, 0.5 + math.sqrt(0.125), 0.5, 0.0])
    assert at("cosine", [10, 20], 20, floor=0.1) == pytest.approx([0.55, 0.1])


def test_cosine_starts_after_its_warm_up():
    assert at("cosine", [0, 1, 3, 4, 12, 20], 20, warmup=4) == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.5, 0.0])


def test_one_cycle_rises_for_a_fifth_and_falls_to_zero():
    assert at("one-cycle", [0, 1, 2, 6, 10], 10) == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.0])


def test_step_drops_tenfold_at_half_and_at_three_quarters():
    assert at("step", [0, 49, 50, 74, 75, 99], 100) == pytest.approx([1.0, 1.0, 0.1, 0.1, 0.01, 0.01])
    assert at("step", [20, 21], 100, drops=(0.2,), factor=0.5) == [0.5, 0.5]


def test_drops_outside_the_training_are_refused():
    with pytest.raises(ValueError, match="drops must be shares"):
        at("step", [0], 10, drops=(1.5,))


def test_a_training_of_warm_up_alone_ends_at_the_full_rate():
    assert at("linear", [0, 1], 2, warmup=2) == [0.5, 1.0]
