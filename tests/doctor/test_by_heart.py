"""What is said of labels and of a net's size rests on what the probe shows of it, and on where the loss has come to."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.doctor.planted import names, net, rows, watched
from thalweg.doctor.faults.net_too_small import net_too_small
from thalweg.doctor.faults.overfitting import overfitting
from thalweg.doctor.faults.shuffled_labels import shuffled_labels
from thalweg.doctor.found import Found
from thalweg.doctor.lines import Answers, Evaluation, Labels, Layer, Matrix, Net, Probe, Sample, Steps
from thalweg.doctor.probe import probed
from thalweg.doctor.trace import Trace

LEARNED = Probe(first=1.7, last=0.16, rows=32)
CHANCE = 1.6
"""Nats; the variance of numbers."""


def _trained(held_out, *, probe=LEARNED, late=CHANCE, right=0.2, batch=64, ratios=(0.005,) * 8, dead=0.0):
    """Five classes, of which the commonest has a fifth; held-out losses over that of chance."""
    evaluations = [
        Evaluation(step=40 * (n + 1), loss=share * CHANCE, rows=500, errors=round(500 * (1 - right)), misplaced=0.3)
        for n, share in enumerate(held_out)
    ]
    answers = Answers(loss="cross_entropy", classes=5, hard=True, rows=batch, errors=batch)
    layers = [Layer(name="head", type="Linear", rows=batch, units=32, seen=320, dead=dead)]
    labels = Labels(entropy=CHANCE, majority=0.2)
    samples = [
        Sample(step=40 * n, ratio=ratio, answers=answers, labels=labels, layers=layers) for n, ratio in enumerate(ratios)
    ]
    return Trace.of([Steps(first=0, losses=[1.7] * 10 + [late] * 310), *samples, *evaluations, probe])


def _of_numbers(held_out, *, probe=LEARNED, late=CHANCE, columns=1):
    """The same of targets of numbers, whose variance is known; held-out errors over it."""
    evaluations = [
        Evaluation(step=40 * (n + 1), loss=share * CHANCE, rows=500, variance=CHANCE, columns=columns)
        for n, share in enumerate(held_out)
    ]
    samples = [Sample(step=40 * n, ratio=0.005) for n in range(8)]
    return Trace.of([Steps(first=0, losses=[4.0] * 10 + [late] * 310), *samples, *evaluations, probe])


AT_CHANCE = [1.01, 1.0, 1.01, 1.0, 1.0, 1.01]


def test_held_out_answers_at_chance_of_a_net_that_learns_by_heart():
    found = shuffled_labels(_trained(AT_CHANCE))
    assert isinstance(found, Found)
    assert "32 examples are learned by heart" in found.what
    assert isinstance(shuffled_labels(_of_numbers(AT_CHANCE)), Found)


def test_a_loss_that_still_comes_down_to_that_of_chance_says_nothing_of_the_labels():
    coming = [1.19, 1.16, 1.13, 1.11, 1.09, 1.07]
    assert shuffled_labels(_trained(coming)) is None
    assert shuffled_labels(_of_numbers(coming)) is None
    stays = [1.06, 1.04, 1.035, 1.032, 1.03, 1.03]
    assert isinstance(shuffled_labels(_trained(stays)), Found)


@pytest.mark.parametrize(
    "probe",
    [
        Probe(first=1400.0, last=53.0, rows=32),
        Probe(first=1.7, last=1.3, rows=32),
        Probe(first=1.7, last=0.1, rows=1),
        Probe(first=None, last=None),
    ],
    ids=["far from chance", "hardly learned", "one example", "untried"],
)
def test_labels_are_not_at_fault_where_no_few_examples_were_learned(probe):
    assert shuffled_labels(_trained(AT_CHANCE, probe=probe)) is None
    assert shuffled_labels(_of_numbers(AT_CHANCE, probe=probe)) is None


def test_a_few_labels_do_not_tell_how_common_each_class_is():
    assert shuffled_labels(_trained(AT_CHANCE, batch=1)) is None


def test_units_that_died_under_steps_too_large_explain_answers_at_chance():
    large = (0.3, 0.2, *(0.005,) * 6)
    assert shuffled_labels(_trained(AT_CHANCE, ratios=large, dead=1.0)) is None
    assert isinstance(shuffled_labels(_trained(AT_CHANCE, ratios=large)), Found)
    assert isinstance(shuffled_labels(_trained(AT_CHANCE, dead=1.0)), Found)


def test_an_error_far_above_that_of_the_mean_says_nothing_of_the_labels():
    assert shuffled_labels(_of_numbers([9.5] * 6)) is None


def test_pictures_that_are_to_be_drawn_again_are_no_labels():
    assert shuffled_labels(_of_numbers(AT_CHANCE, columns=784)) is None


def test_how_many_numbers_a_target_is_comes_from_the_loss():
    inputs, _ = rows()
    doctor = watched(nn.Linear(20, 20), (inputs, inputs), loss=F.mse_loss, every=20)
    assert [one.columns for one in doctor.trace.evaluations] == [20, 20, 20]


SMALL = Probe(first=1.7, last=1.2, rows=32)


def test_a_net_that_cannot_learn_a_few_examples_is_too_small():
    found = net_too_small(_trained([1.0, 0.9, 0.8], probe=SMALL))
    assert isinstance(found, Found)
    assert "32 examples" in found.what


@pytest.mark.parametrize("units", [1, 64])
@pytest.mark.parametrize("last", [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.4])
def test_no_examples_are_said_both_to_be_learned_and_not_to_be(units, last):
    matrices = [
        Matrix(name=f"{layer}.weight", layer=layer, shape=shape, gain=0.6)
        for layer, shape in (("body", [units, 8]), ("head", [5, units]))
    ]
    trained = _trained(AT_CHANCE, probe=Probe(first=1.7, last=last, rows=32))
    layers = [Layer(name=one.layer, type="Linear", rows=64) for one in matrices]
    samples = [one.model_copy(update={"layers": layers}) for one in trained.samples]
    trace = replace(trained, net=Net(matrices=matrices, modes=False), samples=samples)
    assert trace.narrowest == units
    assert sum(isinstance(fault(trace), Found) for fault in (shuffled_labels, net_too_small)) == 1


def _through(trace, kind, units):
    """The same training by a net of two layers, of this kind and dense, with so many units between them."""
    shapes = {"body": [3 * units, 2 * units], "head": [1, units]} if kind == "GRU" else {"body": [units, 8], "head": [1, units]}
    matrices = [Matrix(name=f"{layer}.weight", layer=layer, shape=shape, gain=0.6) for layer, shape in shapes.items()]
    layers = [Layer(name="body", type=kind, rows=64), Layer(name="head", type="Linear", rows=64)]
    samples = [one.model_copy(update={"layers": layers}) for one in trace.samples]
    return replace(trace, net=Net(matrices=matrices, modes=False), samples=samples)


OF_MEAN = Probe(first=8.0, last=1.0, rows=32)
"""Targets lie far from zero: most of the first loss is that of their mean, most of what varies is left."""


@pytest.mark.parametrize("kind", ["Linear", "GRU"])
def test_what_is_left_of_numbers_is_held_against_what_varies(kind):
    trace = _of_numbers([0.8, 0.7, 0.6], probe=OF_MEAN, late=1.0)
    assert isinstance(net_too_small(_through(trace, kind, 1)), Found)
    assert net_too_small(_through(trace, kind, 64)) is None
    assert net_too_small(_through(_of_numbers([0.8, 0.7, 0.6], probe=LEARNED, late=1.0), kind, 1)) is None


def test_a_net_that_draws_pictures_through_two_numbers_was_asked_to():
    assert net_too_small(_through(_of_numbers([0.8, 0.7, 0.6], probe=OF_MEAN, late=1.0, columns=784), "Linear", 2)) is None


def test_a_net_whose_held_out_answers_are_good_is_not_too_small():
    assert net_too_small(_trained([0.9, 0.5, 0.2], probe=SMALL, late=0.8)) is None


def test_one_example_is_said_as_one():
    found = net_too_small(_trained([1.0, 0.9, 0.8], probe=SMALL.model_copy(update={"rows": 1})))
    assert isinstance(found, Found)
    assert "1 example (" in found.what


def test_what_smoothed_classes_leave_to_no_net_is_not_held_against_it():
    torch.manual_seed(0)
    doctor = watched(net(), loss=nn.CrossEntropyLoss(label_smoothing=0.3), steps=150, rate=3e-3)
    assert names(doctor) == []
    right = torch.tensor([0.76] + [0.06] * 4)
    assert doctor.recorder.lesson.least == pytest.approx(torch.special.entr(right).sum().item(), abs=0.01)


def test_the_probe_goes_on_until_more_is_learned_than_what_the_targets_are_like():
    inputs, _ = rows()
    torch.manual_seed(0)
    far = 100 + inputs[:, :1]
    doctor = watched(net(end=[nn.Linear(5, 1)]), (inputs, far), loss=F.mse_loss, steps=3)
    recorder = doctor.recorder
    told = probed(doctor.model, recorder.start.weights, recorder.lesson)
    assert recorder.lesson.unknowing == pytest.approx(float(far[:32].var(correction=0)), rel=1e-4)
    assert told.last < 0.01 * told.first, "a tenth would leave nearly a thousand times the variance"


def test_a_loss_that_is_asked_for_in_sum_is_taught_in_mean():
    inputs, classes = rows()
    torch.manual_seed(0)
    doctor = watched(net(), (inputs, classes), loss=nn.CrossEntropyLoss(reduction="sum"), steps=3)
    weights = {name: one.detach() for name, one in doctor.model.named_parameters()}
    assert doctor.recorder.lesson.loss(weights) < 3


def test_a_training_loss_above_that_of_the_mean_is_nothing_learned_by_heart():
    rising = [4.0, 20.0, 300.0, 40.0, 300.0]
    assert overfitting(_of_numbers(rising, late=3.0)) is None
    assert isinstance(overfitting(_of_numbers(rising, late=0.4)), Found)
