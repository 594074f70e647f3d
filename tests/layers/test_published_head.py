"""A head for classes at hand out of a published one, and the probe that is held near it."""

import copy

import numpy as np
import torch
from torch.nn import functional as F

from tests.training.resuming import fitted
from thalweg.contracts.example import toy
from thalweg.contracts.subject import registered
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.registry import load, settings_of
from thalweg.fields.ports import Port, Ports
from thalweg.layers.published_head import PublishedHead
from thalweg.models.weights.catalogue import entry
from thalweg.models.weights.filling import fill
from thalweg.rules.linear_probe import FEATURES
from thalweg.training.loop import Progress, learn
from thalweg.training.stage import Own

OUTPUTS = 7


def published(width, seed=0):
    drawn = torch.randn(OUTPUTS, width + 1, generator=torch.Generator().manual_seed(seed))
    return PublishedHead(drawn[:, :-1], drawn[:, -1])


def rows(head, told, count=60):
    """Features of rows whose classes go along with the published outputs `told`, one class each."""
    codes = torch.arange(count) % len(told)
    noise = torch.randn(count, head.weight.shape[1], generator=torch.Generator().manual_seed(1))
    return head.weight[torch.tensor(told)[codes]] + noise, codes


def begun(head, features, codes):
    return head.for_classes(features, codes, classes=int(codes.max()) + 1, processes=Processes())


def test_each_class_takes_the_output_that_tells_it_best():
    head = published(16)
    features, codes = rows(head, [4, 1, 6])
    near = begun(head, features, codes)
    scale = float(near.weight[0, 0] / head.weight[4, 0])
    assert scale > 0
    assert torch.allclose(near.weight, scale * head.weight[[4, 1, 6]])
    assert torch.allclose(near.bias, scale * head.bias[[4, 1, 6]])
    losses = [F.cross_entropy(F.linear(features, *(by * one for one in near)), codes) for by in (0.8, 1.0, 1.25)]
    assert losses[1] == min(losses)


def test_outputs_that_tell_nothing_are_taken_at_next_to_nothing():
    features, _ = rows(published(16), [0])
    codes = torch.randint(2, (len(features),), generator=torch.Generator().manual_seed(3))
    near, telling = begun(published(16), features, codes), begun(published(16), *rows(published(16), [4, 1]))
    assert near.weight.norm() < 0.3 * telling.weight.norm()


def test_a_class_without_rows_is_no_hindrance():
    near = published(16).for_classes(*rows(published(16), [4, 1]), classes=3, processes=Processes())
    assert near.weight.shape == (3, 16)
    assert torch.isfinite(near.weight).all()


def probe(*, steps=4, head=None, **settings):
    """A linear probe of the contracts' residual net, filled with a published head if any, before its first step."""
    one = toy(registered("residual"))
    model = one.model()
    model.published = head
    rule = one.rule(model, "linear-probe", steps=steps, **settings)
    batches = rule.batches(one.dataset)
    progress = Progress(Position(total=steps), batches.length)
    rule.begin(batches, progress.position)
    return rule, batches, progress


def telling():
    """A published head among whose outputs are some that were learned on these very rows."""
    rule, batches, progress = probe(l2=1e-4, steps=10)
    learn(rule, batches, progress, [])
    head, noise = rule.model.head, published(rule.model.head.in_features)
    return PublishedHead(*(torch.cat(pair) for pair in zip(noise, (head.weight.detach(), head.bias.detach()), strict=True)))


def test_a_probe_begins_at_the_published_rows_and_is_pulled_towards_them():
    rule, batches, progress = probe(head=telling(), l2=0.1)
    head, batch = rule.model.head, batches.at(Position())
    origin = begun(rule.model.published, batch[FEATURES], batch[rule.task.ports.output.name])
    assert len(rule.descent.origin) == 2
    assert torch.equal(head.weight, origin.weight)
    assert torch.equal(head.bias, origin.bias)
    learn(rule, batches, progress, [])
    slope = rule.slope(batch)
    pulled = slope.gradients[0] / slope.weight + 0.1 * (head.weight.detach() - origin.weight)
    assert float(pulled.abs().max()) < 1e-4
    assert float((head.weight.detach() - origin.weight).abs().max()) > 1e-3
    [note] = rule.notes
    assert note.startswith(f"each class begins as the one of {len(rule.model.published.bias)} published outputs")


def test_a_published_head_that_is_not_wanted_pulls_nowhere():
    for settings in ({}, {"head": telling(), "published": False}):
        rule, *_ = probe(**settings)
        assert not rule.notes
        assert not rule.descent.origin


def lit(path, head):
    """The head that a probe learns of bright and dark pictures, by a net that came with a published head if any."""
    rng, bright = np.random.default_rng(0), np.arange(40) % 2
    pictures = (rng.integers(0, 90, (40, 8, 8, 3)) + 120 * bright[:, None, None, None]).astype(np.uint8)
    given = {"image": pictures, "class": np.where(bright, "bright", "dark")}
    ports = Ports((Port("image", "image", (3, 8, 8)),), (Port("class", "category", (), size=2),))
    torch.manual_seed(0)
    net = load("model", "residual")(ports, settings_of("model", "residual", {"depths": [1, 1], "widths": [4, 8]}))
    net.published = head
    return fitted({"rule": {"name": "linear-probe"}}, path, given=given, own=Own(model=net)).package.model.head


def test_a_published_head_that_tells_less_than_what_is_learned_without_it_changes_nothing(tmp_path):
    without = lit(tmp_path / "without", None)
    silent = lit(tmp_path / "silent", PublishedHead(torch.zeros(5, 8), torch.zeros(5)))
    assert torch.equal(without.weight, silent.weight)
    learned = [3 * without.weight.detach(), 3 * without.bias.detach()]
    known = PublishedHead(*(torch.cat([torch.zeros_like(one), one]) for one in learned))
    assert not torch.equal(without.weight, lit(tmp_path / "telling", known).weight)


def test_a_probe_that_is_cut_remembers_what_it_is_pulled_towards():
    whole, batches, progress = probe(optimizer="sgd", steps=6, head=telling())
    learn(whole, batches, progress, [])
    first, batches, progress = probe(optimizer="sgd", steps=6, head=telling())
    learn(first, batches, progress, [lambda now, rule: setattr(now, "stopped", "cut" if now.position.step == 3 else "")])
    state, progress.stopped = copy.deepcopy(first.state_dict()), ""
    again, batches, _ = probe(optimizer="sgd", steps=6)
    again.load_state_dict(state)
    learn(again, batches, progress, [])
    assert torch.equal(whole.model.head.weight, again.model.head.weight)


def test_a_filled_model_keeps_the_published_head_and_ships_without_it():
    known, settings = entry("mobilenet-v2"), settings_of("model", "mobilenet-v2")
    nets = {
        size: load("model", "mobilenet-v2")(
            Ports((Port("image", "image", (3, 64, 64)),), (Port("class", "category", (), size=size),)), settings
        )
        for size in (1000, 2)
    }
    called = load("weights", known.name)(list(nets[1000].state_dict()), settings)
    tensors = {theirs: nets[1000].state_dict()[ours] for ours, theirs in called.items()}
    names = set(nets[2].state_dict())
    fill(nets[2], tensors, known, settings)
    assert torch.equal(nets[2].published.weight, nets[1000].head.weight)
    assert torch.equal(nets[2].published.bias, nets[1000].head.bias)
    assert set(nets[2].state_dict()) == names
    fill(nets[1000], tensors, known, settings, head=True)
    assert nets[1000].published is None
