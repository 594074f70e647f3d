"""What only a GPU can show: steps wait for nothing, graphs draw and learn what the rule's own steps do, runs find a plan."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.test_dense_chain import assert_same, begun, by_rule, sequential, state
from tests.engine.test_unwaited import BAD, VARIANTS, by_program, spoilt
from tests.training.resuming import assert_resumes_to_the_same_bits, fitted
from thalweg.core.sending import sent
from thalweg.data._mapped import Mapped
from thalweg.engine.captured import Captured
from thalweg.engine.queued import Queued
from thalweg.optimizers.adaptive import AdamWSettings, adamw

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, and torch finds none here"),
]
DIGITS = {"source": "digits", "model": "mlp", "augment": [], "device": "cuda", "evaluate_every": 50}


def dropping() -> nn.Module:
    return sequential(nn.ReLU(), nn.Dropout(0.3))


@pytest.mark.parametrize("kind", [Queued, Captured])
@pytest.mark.parametrize("name", ["adam", "momentum", "muon", "between an average", "statistics and draws", "augmented"])
def test_a_burst_asks_the_device_for_nothing_before_its_end(kind, name):
    run = begun(**VARIANTS[name], device="cuda")
    program = kind.of(run.rule, run.batches)
    by_program(run, program, 40)  # what is made once is made
    shares = torch.zeros(20, len(run.rule.followers), device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = program.begin(run.at, program.within(run.at, 20), shares)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert bool(torch.isfinite(losses).all())


@pytest.mark.parametrize("name", VARIANTS)
def test_queued_steps_have_the_bits_of_the_rules_own(name):
    plain, queued = (begun(**VARIANTS[name], device="cuda") for _ in range(2))
    assert by_program(queued, Queued.of(queued.rule, queued.batches), 40, most=7) == by_rule(plain, 40)
    assert torch.equal(state(queued), state(plain))


@pytest.mark.parametrize("name", VARIANTS)
def test_captured_steps_are_those_of_the_rule_up_to_rounding(name):
    plain, fast = (begun(**VARIANTS[name], device="cuda") for _ in range(2))
    near = 1e-2 if VARIANTS[name].get("precision") == "bfloat16" else 1e-4
    assert_same(by_program(fast, Captured.of(fast.rule, fast.batches), 40, most=7), by_rule(plain, 40), within=near)
    assert_same(state(fast).cpu(), state(plain).cpu(), within=near)


def test_a_graph_draws_what_the_rules_own_step_draws():
    plain, fast = (begun(model=dropping, optimizer="momentum", device="cuda") for _ in range(2))
    assert_same(by_program(fast, Captured.of(fast.rule, fast.batches), 30), by_rule(plain, 30), within=1e-4)


@pytest.mark.parametrize("kind", [Queued, Captured])
def test_steps_that_are_not_finite_change_nothing_and_are_the_rules(kind):
    plain, fast = (begun(augment=[spoilt], ahead=False, average=0.9, device="cuda") for _ in range(2))
    losses = by_program(fast, kind.of(fast.rule, fast.batches), 50, most=9)
    by_rule(plain, 50)
    assert [step for step, loss in enumerate(losses) if loss != loss] == list(BAD)
    assert_same(state(fast).cpu(), state(plain).cpu(), within=1e-4)


@pytest.mark.parametrize("program", ["queued", "captured"])
def test_a_run_by_a_program_resumes_to_the_same_bits(program, tmp_path):
    settings = {**DIGITS, "rule": {"steps": 30, "batch_size": 48}, "evaluate_every": 10}
    assert_resumes_to_the_same_bits({**settings, "speed": [{"program": program, "ahead": True}]}, tmp_path, cuts=(1, 17))


@pytest.mark.parametrize("plan", [{"precision": "tf32"}, {"precision": "bfloat16", "program": "captured", "ahead": True}])
def test_other_precisions_learn(plan, tmp_path):
    run = fitted({**DIGITS, "rule": {"steps": 400, "batch_size": 64}, "speed": [plan]}, tmp_path / "run")
    assert run.history[-1]["validation.accuracy"] > 0.9


def test_a_probe_finds_a_plan_by_which_the_run_is_repeated(tmp_path):
    settings: dict[str, Any] = {**DIGITS, "rule": {"steps": 2000, "batch_size": 64}, "speed": "probe"}
    first = fitted(settings, tmp_path / "first")
    (found,) = json.loads((tmp_path / "first" / "plan.json").read_text())["found"]["speed"]
    again = fitted({**settings, "speed": [{} if found == "plain" else found]}, tmp_path / "again")
    for one, other in zip(first.package.model.parameters(), again.package.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_adam_is_torchs_fused_one_to_the_bit():
    ours, theirs = (nn.Linear(5, 3, device="cuda") for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    settings = AdamWSettings()
    made = adamw(list(ours.parameters()), settings)
    reference = torch.optim.AdamW(theirs.parameters(), lr=settings.rate, weight_decay=settings.weight_decay, fused=True)
    for _ in range(5):
        x = torch.randn(4, 5, device="cuda")
        for net, optimizer in ((ours, made), (theirs, reference)):
            net.zero_grad()
            net(x).square().sum().backward()
            optimizer.step()
    assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_rows_of_a_file_and_numbers_of_rows_come_as_they_are(tmp_path: Path):
    rows = np.arange(60, dtype=np.float32).reshape(20, 3)
    rows.tofile(tmp_path / "rows")
    chosen = torch.tensor([7, 0, 19])
    mapped = Mapped(tmp_path / "rows", rows.shape, rows.dtype, "cuda")
    assert torch.equal(mapped[chosen].cpu(), torch.from_numpy(rows)[chosen])
    assert torch.equal(sent(chosen, torch.device("cuda")).cpu(), chosen)
