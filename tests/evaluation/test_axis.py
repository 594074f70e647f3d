"""The axis of net and baselines."""

from thalweg.evaluation.axis import Axis, axis_of


def figure(value, half=0.02):
    return {"value": value, "low": value - half, "high": value + half}


def test_the_axis_ends_where_the_near_ones_end():
    axis = axis_of(figure(0.9), [figure(0.85), figure(0.1)], higher=True)
    assert (axis.low, axis.high) == (0.83, 0.92)
    assert not axis.holds(figure(0.1))


def test_the_net_is_on_the_axis_however_far_it_lies():
    axis = axis_of(figure(0.1), [figure(0.9), figure(0.85)], higher=True)
    assert axis.holds(figure(0.1))


def test_losses_are_near_the_lowest():
    axis = axis_of(figure(1.0), [figure(1.05), figure(9.0)], higher=False)
    assert axis.holds(figure(1.05))
    assert not axis.holds(figure(9.0))


def test_values_without_intervals_and_without_a_value_do_no_harm():
    nothing = {"value": None, "low": None, "high": None}
    assert axis_of({"value": 0.5, "low": None, "high": None}, [nothing], higher=True) == Axis(0.5, 0.5)
    assert not Axis(0.0, 1.0).holds(nothing)
