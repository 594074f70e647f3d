"""The fused chain of dense layers takes the steps that the rule takes, however they are cut, and knows what it cannot take."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.training.resuming import assert_resumes_to_the_same_bits
from thalweg.core import registry
from thalweg.core.position import Position, seed_from
from thalweg.core.settings import Choice
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.engine import _dense_layers
from thalweg.engine._dense_layers import links_of
from thalweg.engine._multiplied import by_onednn
from thalweg.engine.dense_chain import DenseChain
from thalweg.engine.program import Program
from thalweg.rules._rule import Context
from thalweg.rules.backpropagation import Backpropagation, BackpropagationSettings
from thalweg.training.loop import Progress, learn

TOTAL = 200
ROWS, WIDTH = 150, 6


def columns(target: str, *, weighted: bool, inputs: int = 1, rows: int = ROWS, seed: int = 0) -> dict[str, np.ndarray]:
    """Vectors of six numbers, and what follows from them: one of three classes, or a number."""
    drawn = np.random.default_rng(seed)
    vectors = {f"x{i}": drawn.normal(size=(rows, WIDTH)).astype("float32") for i in range(inputs)}
    made = vectors["x0"] @ drawn.normal(size=(WIDTH, 3)).astype("float32")
    answers = np.array(["a", "b", "c"])[made.argmax(1)] if target == "category" else made[:, 0]
    weights = {"w": drawn.uniform(0.2, 3, rows).astype("float32")} if weighted else {}
    return {**vectors, **weights, "y": answers}


def begun(
    *,
    target: str = "category",
    weighted: bool = False,
    inputs: int = 1,
    model: Callable[[], nn.Module] | None = None,
    augment: Sequence[Augment] = (),
    ahead: bool = True,
    seed: int = 0,
    data: dict[str, np.ndarray] | None = None,
    **settings: Any,
) -> SimpleNamespace:
    """Backpropagation as it begins, with its batches of 13 rows at most.

    Args:
        seed: of the run: its weights, the order of its rows.
        data: columns, where they are not to be the usual ones.
        settings: of the rule; `loss`, `activation`, `precision` and `device` of what it is built of.
    """
    loss, precision = settings.pop("loss", None), settings.pop("precision", "float32")
    device = torch.device(settings.pop("device", "cpu"))
    shape = {"hidden": (9, 5), "activation": settings.pop("activation", "relu"), "dropout": settings.pop("dropout", 0.0)}
    kinds = {"w": "weight"} if weighted else {}
    asked = DataSettings(target="y", fields={f"x{i}": "vector" for i in range(inputs)} | kinds)
    dtype = torch.float64 if precision == "float64" else torch.float32
    data = data or columns(target, weighted=weighted, inputs=inputs)
    dataset = encode(read(data, asked), asked, seed=0).to(device, dtype)
    name = "classification" if target == "category" else "regression"
    made = registry.settings_of("task", name, {} if loss is None else {"loss": loss})
    task = registry.load("task", name)(dataset.encodings, made)
    torch.manual_seed(1 + seed)
    ours = registry.load("model", "mlp")
    net = (model() if model else ours(task.ports, registry.settings_of("model", "mlp", shape))).to(device, dtype)
    task.bind(net)
    usual = {"steps": TOTAL, "batch_size": 13, "optimizer": "adam", "rate": 0.01}
    context = Context(device=device, precision=precision)
    rule = Backpropagation(task, net, BackpropagationSettings.model_validate(usual | settings), context)
    batches = rule.batches(dataset, augment)
    assert not ahead or batches.finish_ahead(1 << 20)
    at = Position(seed=seed, total=TOTAL)
    rule.begin(batches, at)
    return SimpleNamespace(rule=rule, batches=batches, at=at)


def sequential(*middle: nn.Module, outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(WIDTH, 9), *middle, nn.Linear(9, outputs))


def by_rule(run: SimpleNamespace, steps: int) -> list[float]:
    losses = []
    for _ in range(steps):
        seed_from(run.at)
        losses.append(float(run.rule.step(run.batches.at(run.at), run.at)["loss"]))
        run.at = run.at.advanced(run.batches.length)
    return losses


def by_program(kind: type[Program], run: SimpleNamespace, steps: int, most: int) -> list[float]:
    """Losses of so many steps by a program, of `most` at most in one call."""
    made, losses = kind.of(run.rule, run.batches), list[float]()
    assert made is not None
    while len(losses) < steps:
        taken = made.take(run.at, min(most, steps - len(losses)))
        assert len(taken.losses) == taken.count > 0
        losses += taken.losses
        run.at = run.at.advanced(run.batches.length, taken.count)
    return losses


def by_chain(run: SimpleNamespace, steps: int, most: int = 64) -> list[float]:
    return by_program(DenseChain, run, steps, most)


def numbers(held: Any) -> Tensor:
    """All numbers of a state, in order."""
    if isinstance(held, Tensor):
        return held.detach().cpu().double().reshape(-1).clone()
    inner = held.values() if isinstance(held, dict) else held if isinstance(held, list | tuple) else ()
    return torch.cat([torch.zeros(0, dtype=torch.float64), *map(numbers, inner)])


def state(run: SimpleNamespace) -> Tensor:
    """Weights, moments, counts of updates and averages."""
    return numbers(run.rule.state_dict())


def assert_same(one: list[float] | Tensor, other: list[float] | Tensor, *, within: float) -> None:
    ours, theirs = (torch.as_tensor(some, dtype=torch.float64) for some in (one, other))
    assert ours.shape == theirs.shape
    assert float((ours - theirs).norm() / theirs.norm()) < within


SMOOTHED = Choice(name="cross-entropy", settings={"label_smoothing": 0.1, "class_weights": (1.0, 2.0, 0.5)})
VARIANTS = {
    "adam": {},
    "adamw": {"optimizer": {"name": "adamw", "weight_decay": 0.1}},
    "adam with decay": {"optimizer": {"name": "adam", "weight_decay": 0.1}},
    "tanh": {"activation": "tanh"},
    "sigmoid": {"activation": "sigmoid"},
    "gelu": {"activation": "gelu"},
    "silu": {"activation": "silu"},
    "smoothed": {"loss": SMOOTHED},
    "weighted": {"weighted": True},
    "clipped": {"clip": 0.1},
    "constant rate": {"schedule": "constant"},
    "average": {"average": 0.95},
    "between an average": {"average": 0.95, "between": 0.5},
    "squared": {"target": "number"},
    "squared and weighted": {"target": "number", "weighted": True},
    "linear alone": {"model": lambda: nn.Sequential(nn.Linear(WIDTH, 3))},
    "no bias": {"model": lambda: sequential(nn.Identity(), nn.GELU(approximate="tanh"), nn.Linear(9, 9, bias=False))},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_weights_moments_and_averages_are_those_of_the_rule(name):
    plain, fused = (begun(precision="float64", **VARIANTS[name]) for _ in range(2))
    assert_same(by_chain(fused, 40), by_rule(plain, 40), within=1e-6)  # the rule's are reported in float32
    assert_same(state(fused), state(plain), within=1e-9)


@pytest.mark.parametrize("target", ["category", "number"])
def test_in_float32_they_are_the_same_up_to_rounding(target):
    plain, fused = (begun(target=target, optimizer="adamw") for _ in range(2))
    assert_same(by_chain(fused, TOTAL), by_rule(plain, TOTAL), within=1e-5)
    assert_same(state(fused), state(plain), within=1e-5)
    assert torch.equal(fused.rule.descent.state_dict()["optimizer"]["head.bias"]["step"], torch.tensor(float(TOTAL)))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
def test_whichever_library_multiplies_they_are_the_same_up_to_rounding(monkeypatch):
    mkl = begun()
    expected = by_chain(mkl, TOTAL)
    monkeypatch.setattr(_dense_layers, "multiplication", lambda like: by_onednn)
    monkeypatch.setattr(_dense_layers, "LEAST", 500)  # the first two layers
    onednn = begun()
    assert_same(by_chain(onednn, TOTAL), expected, within=1e-5)
    assert_same(state(onednn), state(mkl), within=1e-5)


@pytest.fixture(scope="module")
def uncut() -> tuple[list[float], Tensor]:
    run = begun(average=0.9, weighted=True)
    return by_chain(run, 60), state(run)


@how(max_examples=12)
@given(cuts=st.lists(st.integers(1, 17), min_size=1, max_size=8), resumed=st.integers(0, 7))
def test_how_steps_are_cut_and_a_resume_between_them_change_no_bit(uncut, cuts, resumed):
    run, losses = begun(average=0.9, weighted=True), []
    for index, size in enumerate([*cuts, 60]):
        if index == resumed:
            again = begun(average=0.9, weighted=True)
            again.rule.load_state_dict(run.rule.state_dict())
            again.at = run.at
            run = again
        losses += by_chain(run, min(size, 60 - len(losses)))
    assert losses == uncut[0]
    assert torch.equal(state(run), uncut[1])


def first_slopes(by: Callable[[SimpleNamespace, int], list[float]], precision: str) -> Tensor:
    """A tenth of the slopes of the first step, which Adam's first averages are."""
    run = begun(activation="gelu", precision=precision)
    by(run, 1)
    optimizer = run.rule.descent.optimizer
    return torch.cat([numbers(optimizer.state[one]["exp_avg"]) for one in run.rule.model.parameters()])


def rounded_slopes(from_products: int) -> Tensor:
    """The same by torch, with the parameters of so large layers and what these read and answer in bfloat16."""
    run = begun(activation="gelu")
    batch, links = run.batches.at(run.at), links_of(run.rule.model)
    x = batch["x0"]
    for link in links:
        weight, bias = link.linear.weight, link.linear.bias
        dtype = torch.bfloat16 if run.batches.size * weight.numel() >= from_products else torch.float32
        x = nn.functional.linear(x.to(dtype), weight.to(dtype), bias.to(dtype))
        x = x if link is links[-1] else nn.functional.gelu(x)
    loss = nn.functional.cross_entropy(x.float(), batch["y"].long())
    return numbers(torch.autograd.grad(loss, list(run.rule.model.parameters()))) / 10


@pytest.mark.parametrize("from_products", [1, 300, 600])
def test_in_bfloat16_products_of_large_layers_are_rounded(monkeypatch, from_products):
    monkeypatch.setattr(_dense_layers, "ROUNDED", from_products)
    rounded, exact = (first_slopes(by_chain, one) for one in ("bfloat16", "float32"))
    assert_same(rounded, rounded_slopes(from_products), within=0.001)  # torch rounds slopes by biases too
    autocast = first_slopes(by_rule, "bfloat16")
    assert 0.002 < float((rounded - exact).norm() / exact.norm()) < 1.2 * float((autocast - exact).norm() / exact.norm())


def test_in_bfloat16_products_of_small_layers_are_not(monkeypatch):
    monkeypatch.setattr(_dense_layers, "ROUNDED", 1000)
    assert torch.equal(*(first_slopes(by_chain, one) for one in ("bfloat16", "float32")))


@pytest.mark.parametrize("target", ["category", "number"])
def test_in_bfloat16_it_learns_what_autocast_does(monkeypatch, target):
    monkeypatch.setattr(_dense_layers, "ROUNDED", 1)
    plain, chain = (begun(target=target, precision="bfloat16", average=0.9) for _ in range(2))
    assert_same(by_chain(chain, TOTAL), by_rule(plain, TOTAL), within=0.02)
    assert all(one.dtype == torch.float32 for one in chain.rule.model.parameters())


def test_in_bfloat16_cuts_and_a_resume_change_no_bit(monkeypatch):
    monkeypatch.setattr(_dense_layers, "ROUNDED", ROWS)
    runs = [begun(precision="bfloat16", ahead=ahead, weighted=True) for ahead in (True, True, False)]
    whole, cut, unfinished = (by_chain(run, 40, most) for run, most in zip(runs, (64, 3, 64), strict=True))
    assert whole == cut == unfinished
    assert torch.equal(state(runs[0]), state(runs[1]))
    again = begun(precision="bfloat16", weighted=True)
    again.rule.load_state_dict(runs[0].rule.state_dict())
    again.at = runs[0].at
    assert by_chain(again, 20) == by_chain(runs[1], 20)


def test_a_state_that_was_loaded_meanwhile_is_taken_up():
    run = begun()
    chain = DenseChain.of(run.rule, run.batches)
    chain.take(run.at, 5)
    run.rule.load_state_dict(begun().rule.state_dict())
    again = chain.take(run.at, 5)
    assert list(again.losses) == by_chain(begun(), 5)


def test_a_batch_that_is_not_finite_leaves_the_state_as_it_is_and_is_the_rules():
    plain, fused = begun(average=0.9), begun(average=0.9)
    bad = 4
    for run in (plain, fused):
        at = run.at.advanced(run.batches.length, bad)
        first = len(run.batches.rows) * at.index // run.batches.length
        run.batches.ready["x0"][run.batches._shuffled(at)[0][first]] = float("nan")
    chain, until = DenseChain.of(fused.rule, fused.batches), []
    while (taken := chain.take(fused.at, 64)).count:
        until += taken.losses
        fused.at = fused.at.advanced(fused.batches.length, taken.count)
    before = state(fused)
    assert (len(until), chain.take(fused.at, 1).count) == (bad, 0)
    assert torch.equal(state(fused), before)
    assert not by_rule(plain, bad + 1)[-1] < 1e9
    assert not by_rule(fused, 1)[-1] < 1e9
    assert torch.equal(state(fused), before)
    assert_same(by_chain(fused, 2), by_rule(plain, 2), within=1e-5)


def test_the_loop_learns_with_it_what_it_learns_without():
    plain, fused = begun(schedule="cosine"), begun(schedule="cosine")
    for run, program in ((plain, None), (fused, DenseChain.of(fused.rule, fused.batches))):
        learn(run.rule, run.batches, Progress(run.at, run.batches.length), [], program)
    assert_same(state(fused), state(plain), within=1e-5)


def test_a_run_that_is_killed_goes_on_to_the_same_bits(tmp_path):
    settings = {"source": "iris", "model": {"name": "mlp"}, "rule": {"epochs": 2, "batch_size": 30, "average": 0.9}}
    assert_resumes_to_the_same_bits(settings | {"speed": [{"program": "dense-chain"}]}, tmp_path, cuts=(4,))


class Doubled(nn.Sequential):
    """No plain chain, though it looks like one."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def hooked() -> nn.Module:
    net = sequential(nn.ReLU())
    net[0].register_forward_hook(lambda module, given, answer: 2 * answer)
    return net


def replaced() -> nn.Module:
    net = sequential(nn.ReLU())
    net[1].forward = lambda x: nn.functional.linear(2 * x, net[1].weight, net[1].bias)
    return net


def shared() -> nn.Module:
    net = sequential(nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 9))
    net[4].weight = net[2].weight
    return net


OTHERS = {
    "dropout": {"dropout": 0.2},
    "a layer of dropout": {"model": lambda: sequential(nn.Dropout(0.2))},
    "two inputs": {"inputs": 2},
    "a line search": {"optimizer": "lbfgs"},
    "another optimizer": {"optimizer": "momentum"},
    "parts of batches": {"accumulate": 2},
    "a penalty": {"l2": 0.1},
    "a frozen layer": {"freeze": "head"},
    "lower rates below": {"layer_decay": 0.9},
    "another loss": {"loss": Choice(name="focal")},
    "a forward of its own": {"model": lambda: Doubled(*sequential(nn.ReLU()))},
    "two activations": {"model": lambda: sequential(nn.ReLU(), nn.Tanh())},
    "an activation at the end": {"model": lambda: nn.Sequential(sequential(nn.ReLU()), nn.Tanh())},
    "normalisation": {"model": lambda: sequential(nn.LayerNorm(9))},
    "a hook": {"model": hooked},
    "another forward put in": {"model": replaced},
    "shared weights": {"model": shared},
    "more weights than gain by it": {"model": lambda: sequential(nn.Linear(9, 300_000), nn.Linear(300_000, 9))},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_plain_chain_is_left_to_the_rule(name):
    run = begun(**OTHERS[name])
    assert DenseChain.of(run.rule, run.batches) is None


def noisy(batch: Batch, at: Position) -> Batch:
    return batch.having({"x0": batch["x0"] + at.normal("noise", batch, WIDTH)})


def mixed(batch: Batch, at: Position) -> Batch:
    certain = nn.functional.one_hot(batch["y"], 3).float()
    return batch.having({"x0": 0.7 * batch["x0"] + 0.3 * batch["x0"].roll(1, 0), "y": 0.7 * certain + 0.3 * certain.roll(1, 0)})


@pytest.mark.parametrize("augment", [[], [noisy], [mixed]])
def test_batches_that_are_not_finished_ahead_are_read_as_they_come(augment):
    plain, fused = (begun(ahead=False, augment=augment, optimizer="adamw") for _ in range(2))
    assert_same(by_chain(fused, 40), by_rule(plain, 40), within=1e-5)
    assert_same(state(fused), state(plain), within=1e-5)
