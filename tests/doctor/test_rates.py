"""Rates are judged by the largest steps, wherever a schedule or an optimizer puts them."""

from thalweg.doctor.faults.rate_too_high import rate_too_high
from thalweg.doctor.faults.rate_too_low import rate_too_low
from thalweg.doctor.faults.vanishing_gradients import vanishing_gradients
from thalweg.doctor.lines import Labels, Layer, Sample, Steps
from thalweg.doctor.trace import Trace

STEPS = (0, 1, 2, 4, 8, 16, 36, 72)
"""That were looked into."""


def _trained(ratios, losses, entropy=1.6):
    labels = Labels(entropy=entropy, majority=0.2)
    samples = [Sample(step=step, ratio=ratio, labels=labels) for step, ratio in zip(STEPS, ratios, strict=True)]
    return Trace.of([Steps(first=0, losses=losses), *samples])


def test_a_rate_that_is_too_high_once_it_has_warmed_up():
    ratios = [0.001, 0.001, 0.002, 0.004, 0.02, 0.2, 0.15, 0.05]
    found = rate_too_high(_trained(ratios, [1.6] * 16 + [9.0] * 104))
    assert found is not None
    assert found.where.startswith("step 16,")


def test_one_large_step_among_usual_ones_is_no_rate():
    ratios = [0.9, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01]
    assert rate_too_high(_trained(ratios, [1.6] + [9.0] * 119)) is None


def test_a_loss_that_leapt_and_then_fell_far_was_no_rate_too_high():
    leapt = [1.6, 30.0, *[1.6] * 18]
    assert rate_too_high(_trained([0.2] * 8, leapt + [0.6] * 100)) is None
    found = rate_too_high(_trained([0.2] * 8, leapt + [1.2] * 100))
    assert found.sure == "likely"
    assert found.what.endswith("at its highest, and is 1.2 at last")
    assert rate_too_high(_trained([0.2] * 8, leapt + [1.6] * 100)).sure == "sure"


def test_a_loss_that_fell_to_that_of_chance_is_nothing_learned():
    leapt = [4.0, 80.0, *[4.0] * 18]
    trained = _trained([0.2] * 8, leapt + [1.6] * 100)
    assert rate_too_high(trained).sure == "likely"
    assert rate_too_high(_trained([0.2] * 8, leapt + [0.8] * 100)) is None


def test_large_steps_by_which_the_loss_falls_are_not_too_large():
    assert rate_too_high(_trained([0.2] * 8, [1.6] * 20 + [0.3] * 100)) is None


def test_a_rate_that_is_too_low():
    assert rate_too_low(_trained([2e-5] * 8, [1.6] * 120)) is not None


def test_steps_that_are_small_at_first_alone_are_not_too_small():
    ratios = [2e-5, 2e-5, 2e-5, 2e-5, 2e-5, 0.004, 0.004, 0.005]
    assert rate_too_low(_trained(ratios, [1.6] * 120)) is None


def test_small_steps_are_right_where_little_is_left_to_learn():
    assert rate_too_low(_trained([2e-5] * 8, [0.2] * 120)) is None


def _of_numbers(ratio, losses):
    samples = [Sample(step=step, ratio=ratio) for step in STEPS]
    return Trace.of([Steps(first=0, losses=losses), *samples])


def test_a_loss_that_varies_from_batch_to_batch_does_not_hide_a_rate_that_moves_nothing():
    losses = [1.6, 1.7, 2.0, 1.6, 1.3] + [1.5, 1.2, 1.2] * 37
    assert rate_too_low(_of_numbers(1e-6, losses)) is not None
    assert rate_too_low(_of_numbers(9e-5, losses)) is None, "a hundredth and more in all"


def _vanishing(gradients):
    def layers(first):
        every = enumerate((first, 0.1, 0.1, 0.1))
        return [Layer(name=f"layers.{n}", type="Linear", rows=64, gradient=one) for n, one in every]

    samples = [Sample(step=step, ratio=0.5, layers=layers(one)) for step, one in zip(STEPS, gradients, strict=True)]
    return vanishing_gradients(Trace.of([Steps(first=0, losses=[1.6] * 120), *samples]))


def test_gradients_that_vanish_in_training_may_be_explained_by_what_came_before():
    later, ever = _vanishing([0.1] + [1e-9] * 7), _vanishing([1e-9] * 8)
    assert later is not None
    assert ever is not None
    assert (later.late, ever.late) == (True, False)
