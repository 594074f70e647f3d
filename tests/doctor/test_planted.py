"""Each fault, planted alone in a small training, is named first; sound trainings are left alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.doctor.planted import CLASSES, INPUTS, How, names, net, rows, scaled, watched
from thalweg.doctor.makers import given_part


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_gradients_that_are_never_cleared():
    doctor = watched(net(), how=How(clear=False))
    assert names(doctor) == ["stale-gradients"]
    assert "59 of 59" in doctor.findings[0]["what"]


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.Sigmoid(), nn.ReLU()], ids=lambda one: type(one).__name__)
def test_a_squashing_layer_before_cross_entropy(end):
    assert names(watched(net(end=[end]))) == ["double-softmax"]


def test_the_logarithm_that_nll_loss_is_not_given():
    (found,) = watched(net(end=[nn.Softmax(1)]), loss=F.nll_loss).findings
    assert found["name"] == "double-softmax"
    assert "log_softmax" in found["fix"]


def test_log_probabilities_before_cross_entropy_are_harmless():
    assert names(watched(net(end=[nn.LogSoftmax(1)]))) == []


def test_batch_normalisation_of_pairs():
    (found, *_) = watched(net(norm=True), how=How(batch=2), rate=1e-4).findings
    assert found["name"] == "single-row-normalisation"
    assert "with one other" in found["why"]


def test_training_in_evaluation_mode():
    (found, *_) = watched(net(dropout=0.2), how=How(training=nn.Module.eval)).findings
    assert found["name"] == "wrong-mode"
    assert found["where"] == "since step 0"


def test_evaluation_in_training_mode():
    (found, *_) = watched(net(dropout=0.2), every=20, how=How(evaluating=nn.Module.train)).findings
    assert found["name"] == "wrong-mode"
    assert "3 of 3 evaluations" in found["what"]


def test_a_net_that_acts_alike_in_both_modes_may_be_in_either():
    assert names(watched(net(), how=How(training=nn.Module.eval))) == []


def test_a_layer_that_the_optimizer_was_not_given():
    model = net()
    (found,) = watched(model, optimizer=torch.optim.Adam([*model[2].parameters(), *model[4].parameters()], lr=1e-3)).findings
    assert found["name"] == "frozen-layer"
    assert found["where"] == "layer 0"
    assert "torch.optim" in found["fix"]


def test_a_layer_frozen_with_weights_that_were_learned():
    model = net()
    watched(model, steps=400, rate=1e-2)
    model[2].requires_grad_(False)
    assert names(watched(model)) == []


def test_inputs_as_bytes():
    inputs, classes = rows()
    assert names(watched(net(), (128 + 60 * inputs, classes)))[0] == "unscaled-inputs"


class Joined(nn.Module):
    """Numbers before or behind what a table of ten vectors says of a class."""

    def __init__(self, *, behind=False, axis=1):
        super().__init__()
        self.words, self.head = nn.Embedding(10, 12), net()
        self.behind, self.axis = behind, axis

    def forward(self, given):
        learned, numbers = self.words(given[:, 0].abs().long() % 10), given[:, :8]
        return self.head(torch.cat([learned, numbers] if self.behind else [numbers, learned], self.axis))


@pytest.mark.parametrize("how", [{}, {"behind": True}, {"axis": -1}], ids=["before", "behind", "last axis"])
def test_inputs_that_are_joined_to_what_is_learned(how):
    inputs, classes = rows()
    assert names(watched(Joined(**how), (inputs, classes))) == []
    found = watched(Joined(**how), (255 * inputs, classes)).findings[0]
    assert (found["name"], found["where"]) == ("unscaled-inputs", "the input of layer head.0")


@pytest.mark.parametrize("axis", [1, -1])
def test_what_is_given_is_told_from_what_it_is_joined_to(axis):
    learned, given = torch.ones(4, 2, requires_grad=True), torch.arange(12.0).reshape(4, 3)
    assert torch.equal(given_part(torch.cat([learned * 2, given, given, learned], axis)), torch.cat([given, given], 1))
    assert given_part(torch.cat([learned, learned], axis)) is None
    assert given_part(torch.cat([given, learned, given], axis)) is None, "how wide each of the two is cannot be told"
    empty = torch.empty(0, requires_grad=True) * 2
    assert torch.equal(given_part(torch.cat([empty, given, learned, empty], axis)), given)
    assert given_part(torch.cat([empty.detach(), learned], axis)) is None
    assert given_part(given) is given


def test_weights_that_begin_far_too_large():
    assert names(watched(scaled(net(), 8.0)))[0] == "exploding-initialisation"


def test_units_that_are_dead_from_the_start():
    model = net()
    nn.init.constant_(model[2].bias, -20.0)
    assert names(watched(model))[0] == "dead-relu"


def test_saturated_units():
    model = net(activation=nn.Tanh)
    nn.init.normal_(model[2].weight, std=3.0)
    assert names(watched(model))[0] == "saturated-units"


def test_twenty_sigmoid_layers():
    (found,) = watched(net(activation=nn.Sigmoid, depth=20)).findings
    assert found["name"] == "vanishing-gradients"
    assert found["where"].startswith("layer 0")


def test_a_rate_300_times_too_high():
    (found,) = watched(net(), rate=0.3).findings
    assert found["name"] == "rate-too-high"


def test_a_rate_1000_times_too_low():
    (found,) = watched(net(), rate=1e-6).findings
    assert found["name"] == "rate-too-low"


def test_a_trained_net_may_go_on_at_a_small_rate():
    model = net()
    watched(model, steps=400, rate=1e-2)
    assert names(watched(model, rate=1e-6)) == []


def test_rows_that_are_sorted_by_class():
    inputs, classes = rows()
    order = classes.argsort()
    (found,) = watched(net(), (inputs[order], classes[order]), every=20).findings
    assert found["name"] == "sorted-classes"
    assert "shuffle" in found["fix"]


def test_one_unit_that_all_answers_come_from_though_a_batch_is_learned_by_heart_through_it():
    layers = [nn.Linear(INPUTS, 64), nn.ReLU(), nn.Linear(64, 1), nn.Linear(1, 64), nn.ReLU(), nn.Linear(64, CLASSES)]
    doctor = watched(nn.Sequential(*layers), steps=150, rate=3e-3)
    assert names(doctor) == ["net-too-small"]
    assert doctor.trace.probe.through == 1


def test_a_gate_of_one_unit_is_no_bottleneck():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.down, self.up = nn.Linear(INPUTS, 8), nn.Linear(8, 1), nn.Linear(1, 8)
            self.head = nn.Linear(8, CLASSES)

        def forward(self, x):
            x = self.body(x)
            return self.head(x * self.up(self.down(x)).sigmoid())

    assert names(watched(Gated(), steps=120)) == []


def test_rows_that_say_nothing_do_not_make_a_net_too_small():
    inputs, classes = rows()
    inputs[torch.arange(len(inputs)) % 3 > 0] = 0.0
    assert names(watched(net(), (inputs, classes), steps=150, rate=3e-3)) == []


def test_labels_that_are_shuffled():
    inputs, classes = rows()
    shuffled = classes[torch.randperm(len(classes))]
    assert names(watched(net(), (inputs, shuffled), steps=40, every=8)) in (["shuffled-labels"], [])


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.GELU], ids=lambda one: one.__name__)
@pytest.mark.parametrize("norm", [False, True])
def test_sound_trainings_are_left_alone(activation, norm):
    assert names(watched(net(activation=activation, norm=norm, dropout=0.1), steps=120, every=20)) == []


def test_a_regression_is_left_alone():
    inputs, _ = rows()
    assert names(watched(net(), (inputs, torch.randn(len(inputs), CLASSES)), loss=F.mse_loss)) == []
