"""Loops of many makes: the doctor sees steps, losses and layers in each, and disturbs none."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import thalweg as tw
from tests.doctor.planted import CLASSES, INPUTS, net, rows

STEPS = 12


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def learn(model, loss, *, optimizer=None, steps=STEPS, turn=torch.Tensor.backward):
    """A loop whose loss is a function of inputs and classes; the doctor that watched it."""
    inputs, classes = rows()
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3)
    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for _ in range(steps):
            optimizer.zero_grad()
            turn(loss(inputs[:64], classes[:64]))
            optimizer.step()
    assert doctor.trouble == ""
    return doctor


def seen(doctor):
    """Steps, losses seen, and layers of the last sample."""
    trace = doctor.trace
    return trace.steps, len(trace.losses), [one.name for one in trace.samples[-1].layers]


def test_a_functional_call():
    model = net()
    doctor = learn(model, lambda x, y: F.cross_entropy(functional_call(model, dict(model.named_parameters()), (x,)), y))
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])


def test_a_layer_that_is_called_twice():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.again, self.last = nn.Linear(INPUTS, 32), nn.Linear(32, 32), nn.Linear(32, CLASSES)

        def forward(self, x):
            return self.last(self.again(self.again(self.first(x).relu()).relu()).relu())

    model = Shared()
    assert seen(learn(model, lambda x, y: F.cross_entropy(model(x), y))) == (STEPS, STEPS, ["first", "again", "last"])


class Answering(nn.Module):
    """A net that takes names and answers with a dictionary, its loss within, as those of Hugging Face do."""

    def __init__(self, end):
        super().__init__()
        self.trunk, self.end = net(), end

    def forward(self, *, values, labels=None):
        logits = self.end(self.trunk(values))
        return {"loss": None if labels is None else nn.CrossEntropyLoss()(logits, labels), "logits": logits}


@pytest.mark.parametrize("within", [True, False])
def test_answers_in_a_dictionary_and_losses_within_the_model(within):
    model = Answering(nn.Softmax(-1))

    def loss(x, y):
        answer = model(values=x, labels=y if within else None)
        return answer["loss"] if within else F.cross_entropy(answer["logits"], y)

    doctor = learn(model, loss)
    assert seen(doctor) == (STEPS, STEPS, ["trunk.0", "trunk.2", "trunk.4"])
    assert [one["name"] for one in doctor.findings] == ["double-softmax"]


def test_a_loss_written_by_hand():
    model = net()
    doctor = learn(model, lambda x, y: -model(x).log_softmax(1).gather(1, y[:, None]).mean())
    assert seen(doctor)[:2] == (STEPS, STEPS)
    assert doctor.trace.losses[0] == pytest.approx(1.6, abs=0.1)


def test_a_sum_of_losses_counts_the_one_of_classes():
    model = net()
    doctor = learn(model, lambda x, y: 100 * model(x).square().mean() + F.cross_entropy(model(x), y) + F.mse_loss(x, x + 9))
    assert seen(doctor)[:2] == (STEPS, STEPS)
    assert doctor.trace.losses[0] == pytest.approx(1.6, abs=0.1)


def test_mixed_precision_with_scaled_losses():
    model = net()
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, classes = rows()
    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for _ in range(STEPS):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(model(inputs), classes)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])
    assert doctor.trace.losses[0] == pytest.approx(1.6, abs=0.1)
    assert doctor.trouble == ""


def test_activations_that_are_computed_again():
    model = net()

    def loss(x, y):
        return F.cross_entropy(model[4](checkpoint(model[:4], x.requires_grad_(), use_reentrant=False)), y)

    assert seen(learn(model, loss)) == (STEPS, STEPS, ["0", "2", "4"])


def test_a_line_search_that_measures_several_times_a_step():
    model = net()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)
    inputs, classes = rows()

    def measure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), classes)
        loss.backward()
        return loss

    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for _ in range(STEPS):
            optimizer.step(measure)
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])
    assert max(doctor.trace.ratios) > 0.1
    assert doctor.findings == []


def test_a_model_whose_forward_is_called_past_its_hooks():
    model = net(end=[nn.Softmax(1)])
    doctor = learn(model, lambda x, y: F.cross_entropy(model.forward(x), y))
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])
    assert [one["name"] for one in doctor.findings] == ["double-softmax"]


def test_slopes_that_are_asked_for():
    model = net()

    def turn(loss):
        slopes = torch.autograd.grad(loss, list(model.parameters()))
        for one, slope in zip(model.parameters(), slopes, strict=True):
            one.grad = slope

    doctor = learn(model, lambda x, y: F.cross_entropy(model(x), y), turn=turn)
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])
    assert doctor.findings == []


def test_accumulated_slopes_count_as_one_step():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    inputs, classes = rows()
    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for _ in range(STEPS):
            for part in range(4):
                (F.cross_entropy(model(inputs[part::4]), classes[part::4]) / 4).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])
    assert doctor.trace.losses[0] == pytest.approx(1.6, abs=0.1)
    assert doctor.findings == []


def test_an_evaluation_that_forgot_no_grad_is_one_all_the_same():
    model = net(dropout=0.1)
    optimizer = torch.optim.Adam(model.parameters())
    inputs, classes = rows()
    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for _ in range(STEPS):
            model.train()
            optimizer.zero_grad()
            F.cross_entropy(model(inputs), classes).backward()
            optimizer.step()
            model.eval()
            F.cross_entropy(model(inputs), classes)
    assert len(doctor.trace.evaluations) == STEPS - 1
    assert len(doctor.trace.losses) == STEPS
    assert doctor.findings == []


def test_weights_that_are_changed_by_hand_are_said_not_to_be_seen():
    model = net()
    inputs, classes = rows()
    with tw.doctor(model, torch.optim.SGD(model.parameters(), lr=0.1), quiet=True) as doctor:
        F.cross_entropy(model(inputs), classes).backward()
    assert doctor.findings == []
    assert "no step of this optimizer was seen" in doctor.told()


def test_two_nets_that_learn_against_each_other():
    maker, judge = (
        nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)),
        nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)),
    )
    of_maker, of_judge = torch.optim.Adam(maker.parameters()), torch.optim.Adam(judge.parameters())
    loss = nn.BCEWithLogitsLoss()
    with tw.doctor(judge, of_judge, quiet=True) as doctor:
        for _ in range(30):
            false = maker(torch.randn(32, 4))
            of_judge.zero_grad()
            (
                loss(judge(torch.randn(32, 2) + 1), torch.ones(32, 1)) + loss(judge(false.detach()), torch.zeros(32, 1))
            ).backward()
            of_judge.step()
            of_maker.zero_grad()
            loss(judge(false), torch.ones(32, 1)).backward()
            of_maker.step()
    assert doctor.trouble == ""
    assert doctor.findings == []


@pytest.mark.parametrize("way", ["wrapped", "in place"])
def test_a_compiled_net_is_one_graph_without_breaks_and_its_layers_are_seen(way):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    model = net()
    compiled = torch.compile(model, backend="aot_eager") if way == "wrapped" else model
    if way == "in place":
        model.compile(backend="aot_eager")
    doctor = learn(compiled, lambda x, y: F.cross_entropy(compiled(x), y))
    assert seen(doctor) == (STEPS, STEPS, ["0", "2", "4"])
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1
    assert sum(torch._dynamo.utils.counters["graph_break"].values()) == 0
