"""The program for tables takes the steps that the rule takes, dropout's draws included, and knows what it cannot take."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from tests.engine.test_dense_chain import SMOOTHED, assert_same, by_program, by_rule, numbers
from tests.training.resuming import assert_resumes_to_the_same_bits
from thalweg.core import registry
from thalweg.core.lanes import lanes
from thalweg.core.position import Position
from thalweg.core.settings import Choice
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.engine import _members_pass, table_members
from thalweg.engine._drawn import Drawn
from thalweg.engine._members_pass import MembersLayer, MembersPass
from thalweg.engine._multiplied import by_onednn
from thalweg.engine.table_members import TableMembers
from thalweg.layers.dropped import dropped
from thalweg.rules._rule import Context
from thalweg.rules.backpropagation import Backpropagation, BackpropagationSettings

TOTAL = 60


def table(target: str, rows: int, *, weighted: bool = False) -> dict[str, np.ndarray]:
    """Three numbers of which two matter together, one of few values, two categories, a vector."""
    drawn = np.random.default_rng(0)
    x, y = drawn.uniform(-1, 1, (2, rows))
    few, codes = drawn.integers(0, 4, rows), drawn.integers(0, 5, rows)
    told = np.sign(x) * np.sign(y) + 0.3 * few + 0.2 * codes
    columns = {"x": x, "y": y, "few": few.astype(float), "letter": np.array(list("abcde"))[codes]}
    columns |= {"other": np.array(["up", "down"])[(x > 0.3).astype(int)], "v": drawn.normal(size=(rows, 3)).astype("float32")}
    columns |= {"w": drawn.uniform(0.2, 3, rows)} if weighted else {}
    ranked = told.argsort(kind="stable").argsort() * 3 // rows
    return columns | {"t": np.array(["low", "mid", "high"])[ranked] if target == "category" else told}


def begun(
    *, target: str = "category", rows: int = 200, count: int = 1, ahead: bool = True, precision: str = "float32", **given: Any
) -> SimpleNamespace:
    """Backpropagation as it begins on a table, with batches of 13 rows at most.

    Args:
        count: lanes.
        given: settings of the net under `net`, `loss`, `weighted`, and settings of the rule.
    """
    net, loss, weighted = dict(given.pop("net", {})), given.pop("loss", None), given.pop("weighted", False)
    kinds = {"few": "number", "v": "vector"} | ({"w": "weight"} if weighted else {})
    asked = DataSettings(target="t", fields=kinds)
    dtype = torch.float64 if precision == "float64" else torch.float32
    dataset = encode(read(table(target, rows, weighted=weighted), asked), asked, seed=0).to("cpu", dtype)
    name = "classification" if target == "category" else "regression"
    task = registry.load("task", name)(
        dataset.encodings, registry.settings_of("task", name, {} if loss is None else {"loss": loss})
    )
    torch.manual_seed(1)
    encoders = {"numbers": {"bins": 6, "width": 4, "values": 5, "pairs": 1}} | net.pop("encoders", {})
    shape = {"members": 3, "hidden": (9, 7), "encoders": encoders} | net
    model = registry.load("model", "tabular")(task.ports, registry.settings_of("model", "tabular", shape)).to(dtype)
    task.bind(model)
    usual = {"steps": TOTAL, "batch_size": 13, "optimizer": "adam", "rate": 0.01}
    rule = Backpropagation(task, model, BackpropagationSettings.model_validate(usual | given), Context(precision=precision))
    rule.lanes = lanes(count) if count > 1 else None
    batches, at = rule.batches(dataset), Position(total=TOTAL)
    rule.begin(batches, at)
    assert not ahead or batches.finish_ahead(1 << 20)
    pairs = model.encoded.encoders["numbers"].pairs
    if pairs is not None:  # as if one had been found: few rows tell of none
        numbers = torch.cat([batch["numbers"] for batch in batches])
        pairs.place[0], pairs.live[0, :2] = torch.tensor([0, 1]), 1.0
        for side in range(2):
            pairs._knot(side, numbers[:, side])
    return SimpleNamespace(rule=rule, batches=batches, at=at)


def plainly(run: SimpleNamespace, steps: int) -> list[float]:
    kept, run.rule.lanes = run.rule.lanes, None
    losses = by_rule(run, steps)
    run.rule.lanes = kept
    return losses


def by_hand(run: SimpleNamespace, steps: int, most: int = 7) -> list[float]:
    return by_program(TableMembers, run, steps, most)


def learned(run: SimpleNamespace) -> torch.Tensor:
    """Weights, moments, counts of updates and averages; no buffers, of which some are as good as infinite."""
    held = {name: one for name, one in run.rule.state_dict().items() if name != "model"}
    followed = [one.module for one in run.rule.followers.values()]
    weights = [list(one.parameters()) for one in (run.rule.model, *followed)]
    return numbers([weights, held["descent"]])


NEAR_ROWS = {"numbers": {"bins": 6, "width": 4, "values": 5, "neighbours": 2048}}
VARIANTS: dict[str, dict[str, Any]] = {
    "shared encoders": {},
    "encoders apart": {"net": {"apart": True}},
    "as many lanes as members": {"count": 3},
    "lanes, encoders apart": {"count": 2, "net": {"apart": True}},
    "no dropout": {"net": {"dropout": 0.0}},
    "much dropout": {"net": {"dropout": 0.6}},
    "no hidden layer": {"net": {"hidden": ()}},
    "a member alone": {"net": {"members": 1}},
    "batch by batch": {"ahead": False},
    "weighted": {"weighted": True},
    "smoothed": {"loss": SMOOTHED},
    "adamw, clipped, averaged": {"optimizer": {"name": "adamw", "weight_decay": 0.1}, "clip": 0.1, "average": 0.9},
    "a number": {"target": "number", "count": 2},
    "trees beside": {"net": {"trees": 3, "depth": 2}},
    "rows nearby": {"rows": 1_450, "target": "number", "net": {"encoders": NEAR_ROWS}},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_losses_weights_moments_and_averages_are_those_of_the_rule(name):
    plain, ours = (begun(precision="float64", **VARIANTS[name]) for _ in range(2))
    assert_same(by_hand(ours, 15), plainly(plain, 15), within=1e-6)  # the rule's are reported in float32
    assert_same(learned(ours), learned(plain), within=1e-8)


def test_in_float32_they_are_the_same_up_to_rounding():
    plain, ours = begun(count=2), begun(count=2)
    assert_same(by_hand(ours, 40), plainly(plain, 40), within=1e-4)
    assert_same(learned(ours), learned(plain), within=1e-3)


@pytest.mark.parametrize("name", ["encoders apart", "lanes, encoders apart", "no hidden layer", "much dropout", "a number"])
def test_in_bfloat16_they_are_those_of_autocast_up_to_its_rounding(name):
    """Farther from float32 than from autocast: products are rounded, and where autocast rounds."""
    mixed, ours, whole = (begun(precision=one, **VARIANTS[name]) for one in ("bfloat16", "bfloat16", "float32"))
    losses = [by_hand(ours, 15), plainly(mixed, 15), plainly(whole, 15)]
    assert_same(losses[0], losses[1], within=1e-3)
    assert losses[0] != losses[2]
    assert_same(learned(ours), learned(mixed), within=3e-2)
    assert all(one.dtype == torch.float32 for one in ours.rule.state_dict()["model"].values() if one.is_floating_point())


def test_in_bfloat16_a_layer_is_that_of_rounded_numbers():
    """One layer's answers and slopes, against products in float64 of what bfloat16 holds of the same numbers."""
    drawn = torch.Generator().manual_seed(0)
    x, weight, bias, wanted = (torch.randn(*shape, generator=drawn) for shape in ((1, 7, 5), (3, 5, 2), (3, 1, 2), (3, 7, 2)))
    layer, out = MembersLayer(weight, bias, torch.empty(3, 5, 2), torch.empty(3, 1, 2)), torch.empty(1, 7, 5)
    work = MembersPass([], layer, stays=1.0, most=7, dtype=torch.bfloat16)
    answers, slope = work.forward(x, [])
    slope.copy_(wanted.flatten(0, 1))
    work.backward(out)
    rounded = [one.bfloat16().double() for one in (x, weight, wanted)]
    expected = torch.bmm(rounded[0].expand(3, -1, -1), rounded[1])
    by_weight = torch.bmm(rounded[0].mT.expand(3, -1, -1), rounded[2])
    ulp = {"rtol": 2.0**-8, "atol": 1e-6}  # the last place of bfloat16, where sums in float32 end beside the middle
    assert torch.allclose(answers.view(3, 7, 2) - bias, expected.float(), **ulp)
    assert torch.allclose(layer.weight_slope, by_weight.float(), **ulp)
    assert torch.allclose(layer.bias_slope, wanted.sum(1, keepdim=True), atol=1e-6)
    each = torch.bmm(rounded[2], rounded[1].mT).bfloat16().double()
    assert torch.allclose(out, each.sum(0, keepdim=True).float(), rtol=0.0, atol=2.0**-8 * float(each.abs().max()))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")
@pytest.mark.parametrize("name", ["lanes, encoders apart", "no dropout", "shared encoders"])
def test_member_by_member_products_are_the_same_up_to_rounding(name, monkeypatch):
    expected = by_hand(together := begun(**VARIANTS[name]), 15)
    monkeypatch.setattr(_members_pass, "LEAST", 1)
    monkeypatch.setattr(_members_pass, "multiplication", lambda like: by_onednn)
    assert_same(by_hand(apart := begun(**VARIANTS[name]), 15), expected, within=1e-5)
    assert_same(learned(apart), learned(together), within=1e-4)


def test_the_grid_of_a_pair_is_among_what_is_learned():
    run = begun()
    by_hand(run, 5)
    assert run.rule.model.encoded.encoders["numbers"].pairs.vectors.abs().sum() > 0


@pytest.fixture(scope="module")
def uncut() -> list[float]:
    return by_hand(begun(count=2, average=0.9), 20, most=20)


def test_in_bfloat16_too_how_steps_are_cut_changes_no_bit():
    cut, whole = (begun(count=2, precision="bfloat16") for _ in range(2))
    assert by_hand(cut, 12, most=5) == by_hand(whole, 12, most=12)
    assert torch.equal(learned(cut), learned(whole))


@how(max_examples=6)
@given(cuts=st.lists(st.integers(1, 7), min_size=1, max_size=5))
def test_how_steps_are_cut_changes_no_bit(uncut, cuts):
    run, losses = begun(count=2, average=0.9), list[float]()
    for size in [*cuts, 20]:
        losses += by_hand(run, min(size, 20 - len(losses)))
    assert losses == uncut


def test_found_ahead_or_batch_by_batch_a_row_looks_up_the_same(monkeypatch):
    ahead, late = begun(), begun()
    expected = by_hand(ahead, 20)
    monkeypatch.setattr(table_members, "MOST_AHEAD", 0)
    assert by_hand(late, 20) == expected
    assert torch.equal(learned(ahead), learned(late))


def test_a_state_that_was_loaded_meanwhile_is_taken_up():
    run, other = begun(), begun(rows=190)
    made = TableMembers.of(run.rule, run.batches)
    made.take(run.at, 5)
    fresh = begun()
    for one in (run, fresh):
        one.rule.load_state_dict(other.rule.state_dict())
    assert list(made.take(run.at, 5).losses) == by_hand(fresh, 5)


def test_rule_and_program_may_take_turns():
    plain, mixed = begun(precision="float64"), begun(precision="float64")
    expected = by_rule(plain, 12)
    assert_same(by_hand(mixed, 4) + by_rule(mixed, 4) + by_hand(mixed, 4), expected, within=1e-6)
    assert_same(learned(mixed), learned(plain), within=1e-8)


@pytest.mark.parametrize("spoilt", ["encoded.encoders.numbers.bias", "hidden.0.weight", "head.bias"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_that_is_not_finite_is_left_to_the_rule_and_changes_nothing(spoilt, precision):
    run = begun(count=2, precision=precision)
    by_hand(run, 2)
    with torch.no_grad():
        dict(run.rule.model.named_parameters())[spoilt].view(-1)[0] = math.inf
    before = numbers(run.rule.state_dict())
    assert TableMembers.of(run.rule, run.batches).take(run.at, 3).count == 0
    assert torch.equal(numbers(run.rule.state_dict()), before)


@pytest.mark.parametrize("probability", [0.05, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("known", [True, False])
def test_what_is_dropped_is_what_torch_would_drop(probability, known):
    torch.manual_seed(3)
    expected = [dropped(torch.ones(11, 7), probability) == 0 for _ in range(2)]
    torch.manual_seed(3)
    drawn = Drawn(7, probability, 16, torch.ones(1))
    drawn.known &= known
    assert all(torch.equal(drawn.draw(11) < 0, one) for one in expected)


OTHERS: dict[str, dict[str, Any]] = {
    "shared matrices": {"net": {"shared": True}},
    "another activation": {"net": {"activation": "gelu"}},
    "another loss": {"loss": Choice(name="focal")},
    "another precision": {"precision": "float16"},
    "another optimizer": {"optimizer": "momentum"},
    "a penalty": {"l2": 0.1},
    "a frozen layer": {"freeze": "head"},
    "more lanes than members": {"count": 4},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_it_has_no_way_back_for_it_leaves_alone(name):
    run = begun(**OTHERS[name])
    assert TableMembers.of(run.rule, run.batches) is None


def test_a_net_that_somebody_listens_in_is_left_alone():
    run = begun()
    run.rule.model.encoded.encoders["numbers"].register_forward_hook(lambda *seen: None)
    assert TableMembers.of(run.rule, run.batches) is None


@pytest.mark.parametrize(("count", "precision"), [(1, None), (2, None), (2, "bfloat16")])
def test_a_run_by_it_resumes_to_the_same_bits(tmp_path, count, precision):
    net = {"name": "tabular", "members": 3, "hidden": (8,), "trees": 2, "depth": 2}
    rule = {"name": "backpropagation", "optimizer": "adamw", "rate": 0.01, "steps": 9, "batch_size": 40, "average": 0.9}
    plan = {"program": "table-members", "lanes": count, "threads": 1, "ahead": True, "precision": precision}
    settings = {"model": net, "rule": rule, "speed": [plan], "evaluate_every": 4, "data": {"target": "t"}}
    assert_resumes_to_the_same_bits(settings, tmp_path, given=table("category", 200), cuts=(2,))
