"""R9: what is not finite is caught within a step, named, and never kept; what is only far too large is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.packages.trained import Heard
from tests.refusing import expect_refusal
from tests.reliability.figures import WHOLE, Row
from tests.training.resuming import At, fitted
from thalweg.core.errors import TrainingRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.report.report import report_of
from thalweg.report.run_facts import Facts
from thalweg.tasks._task import Losses
from thalweg.tasks.regression import Regression
from thalweg.training import checkpoints
from thalweg.training.stage import Own

CAUGHT = Row(
    "R9", "kinds of numbers that are not finite, injected while it learns: caught within a step, named, not kept", "1 each"
)
SPIKES = Row("R9", "spikes of the loss and of the slope: told once, nothing stopped", order=1)
STEPS, AT, BATCH = 60, 40, 16
RULE = {"optimizer": "adamw", "rate": 0.01, "steps": STEPS, "batch_size": BATCH, "average": 0.9, "schedule": "constant"}
ASKED: dict[str, Any] = {
    "data": {"target": "y"},
    "rule": RULE,
    "task": "regression",
    "checkpoint_steps": 1,
    "evaluate_every": 1,
}


def data() -> dict[str, Any]:
    drawn = np.random.default_rng(0).normal(size=(160, 4)).astype(np.float32)
    return {"x": drawn, "y": drawn @ np.asarray([1.0, -2.0, 0.5, 0.0], np.float32)}


class Net(nn.Module):
    """Two layers, with a place between them and one behind where a test may put something."""

    def __init__(self, between: Callable[[Any], Any] | None = None, behind: Callable[[Any], Any] | None = None) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)
        self.between, self.behind = between, behind
        self.wrong = False

    def forward(self, x):
        inner = torch.tanh(self.norm(self.first(x)))
        inner = self.between(inner) if self.between is not None and self.wrong and self.training else inner
        answer = self.last(inner)
        return self.behind(answer) if self.behind is not None and self.wrong and self.training else answer


class Drawn(Regression):
    """Regression whose batches hold something wrong from a step on."""

    declaration = Regression.declaration
    field, value, rows = "x", float("nan"), slice(2, 3)
    wrong = False

    def prepare(self, batch, at):
        if not type(self).wrong:
            return batch
        name = self.ports.inputs[0].name if self.field == "x" else "y"
        changed = batch[name].clone()
        changed[self.rows] = self.value
        return batch.having({name: changed})


class Judged(Regression):
    """Regression whose loss is something else from a step on, in one row or in all."""

    declaration = Regression.declaration
    act: Callable[[torch.Tensor], torch.Tensor] = staticmethod(lambda loss: loss)
    wrong = False

    def objective(self, model, batch):
        losses = super().objective(model, batch)
        return Losses(type(self).act(losses.loss), losses.weight) if type(self).wrong else losses


def in_one(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda loss: loss * torch.where(torch.arange(len(loss)) == 3, value, 1.0)


@torch.no_grad()
def write(tensor: torch.Tensor, value: float) -> None:
    tensor.view(-1)[0] = value


def moments(rule) -> torch.Tensor:
    return rule.descent.optimizer.state[rule.descent.parameters[0]]["exp_avg"]


class Writes(At):
    """Writes into what a rule holds once so many steps are done."""

    def __init__(self, step: int, where: Callable[[Any], torch.Tensor], value: float) -> None:
        super().__init__(step, lambda: None)
        self.where, self.value = where, value

    def __call__(self, progress, rule):
        if progress.position.step == self.step:
            write(self.where(rule), self.value)


NAN, INF = float("nan"), float("inf")
FIELDS = {
    "NaN in an input": ("x", NAN, slice(2, 3)),
    "infinity in an input": ("x", INF, slice(2, 3)),
    "NaN in a target": ("y", NAN, slice(2, 3)),
    "infinity in a target": ("y", INF, slice(None)),
}
LOSSES = {
    "NaN in one example's loss": in_one(NAN),
    "an infinite loss": lambda loss: loss * INF,
    "the logarithm of zero": lambda loss: (0 * loss).log(),
    "a sum beyond float32": lambda loss: (loss + 1) * 3e38 * 100,
}
LAYERS: dict[str, dict[str, Callable]] = {
    "NaN in a layer's answer": {"between": lambda inner: inner * NAN},
    "an infinite slope behind a finite loss": {"between": lambda inner: inner + (0 * inner).sqrt()},
    "a variance of zero to divide by": {"behind": lambda answer: answer / (0 * answer).std()},
}
WRITTEN = {
    "NaN in a weight": (lambda rule: rule.model.last.weight, NAN, "last.weight"),
    "infinity in a weight": (lambda rule: rule.model.first.bias, INF, "first.bias"),
    "NaN in the average": (lambda rule: rule.shipped.last.weight, NAN, "last.weight"),
    "NaN in running statistics": (lambda rule: rule.model.norm.running_var, NAN, "norm.running_var"),
    "NaN in what the optimizer remembers": (moments, NAN, "exp_avg of first.weight"),
}


def sound(path: Path) -> bool:
    """The newest checkpoint loads, its state is finite, and no best value is not."""
    newest = checkpoints.read(RunFolder(path).newest_checkpoint().folder)
    best = newest.state["listeners"]["evaluation"]
    tensors = [*newest.state["rule"]["model"].values(), *newest.state["rule"]["average"]["module"].values()]
    tensors += list(best["best_state"].values())
    return (best["best"] is None or np.isfinite(best["best"])) and all(
        bool(torch.isfinite(one.float()).all()) for one in tensors
    )


def caught(path: Path, heard: Heard, **how: Any) -> tuple[int, str]:
    """The step at which a run said that something was not finite, and all that it said."""
    settings = {**ASKED, **how.pop("asked", {})}
    try:
        fitted(settings, path, given=data(), talk=heard, **how)
    except TrainingRefusal as refusal:
        step = refusal.details.get("step", 0)
        return step or int(str(refusal.what).partition("after step ")[2].split(":")[0]), str(refusal)
    [said] = [text for text in heard.warned if "was not finite" in text]
    return int(said.split()[1]), said


def noted(step: int, said: str, path: Path, *named: str) -> None:
    held = step <= AT + 1 and sound(path) and all(one in said for one in named)
    CAUGHT.note(1, int(held), steps_late=step - AT - 1)
    assert step in (AT, AT + 1)
    assert [one for one in named if one not in said] == []
    assert sound(path)


@pytest.mark.parametrize("kind", FIELDS)
def test_what_a_batch_holds_is_named_with_its_examples(tmp_path, kind):
    field, value, rows = FIELDS[kind]
    task = type("DrawnWrong", (Drawn,), {"field": field, "value": value, "rows": rows, "wrong": False})
    wrong = At(AT, lambda: setattr(task, "wrong", True))
    right = At(AT + 1, lambda: setattr(task, "wrong", False))
    how = {"own": Own(task=task, model=Net()), "listeners": {"wrong": wrong, "right": right}}
    step, said = caught(tmp_path / "run", Heard(), **how)
    noted(step, said, tmp_path / "run", "field ", "example", "the batch")


@pytest.mark.parametrize("kind", LOSSES)
def test_what_a_loss_comes_to_is_named(tmp_path, kind):
    task = type("JudgedWrong", (Judged,), {"act": staticmethod(LOSSES[kind]), "wrong": False})
    listeners = {
        "wrong": At(AT, lambda: setattr(task, "wrong", True)),
        "right": At(AT + 1, lambda: setattr(task, "wrong", False)),
    }
    step, said = caught(tmp_path / "run", Heard(), own=Own(task=task, model=Net()), listeners=listeners)
    noted(step, said, tmp_path / "run", "the loss", "example")


@pytest.mark.parametrize("kind", LAYERS)
def test_the_first_bad_layer_is_named(tmp_path, kind):
    net = Net(**LAYERS[kind])
    listeners = {"wrong": At(AT, lambda: setattr(net, "wrong", True))}
    step, said = caught(tmp_path / "run", Heard(), own=Own(model=net), listeners=listeners)
    noted(step, said, tmp_path / "run", "layer ", "example", "fix")


@pytest.mark.parametrize("kind", WRITTEN)
def test_what_something_else_wrote_is_named_and_not_saved(tmp_path, kind):
    where, value, named = WRITTEN[kind]
    listeners = {"wrong": Writes(AT, where, value)}
    step, said = caught(tmp_path / "run", Heard(), own=Own(model=Net()), listeners=listeners)
    noted(step, said, tmp_path / "run", named)


@pytest.mark.parametrize("kind", [kind for kind in WRITTEN if kind != "infinity in a weight"])
def test_it_is_told_at_the_next_step_or_evaluation_where_no_checkpoint_is_due(tmp_path, kind):
    where, value, named = WRITTEN[kind]
    asked = {**ASKED, "checkpoint_steps": 39, "evaluate_every": 1}
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as refused:
        fitted(asked, tmp_path / "run", given=data(), own=Own(model=Net()), listeners={"wrong": Writes(AT, where, value)})
    assert named in refused.value.where
    noted(refused.value.details["step"], str(refused.value), tmp_path / "run")


@pytest.mark.parametrize("value", [NAN, INF])
def test_a_rate_that_is_no_number_moves_nothing(tmp_path, value):
    class Rate(At):
        def __call__(self, progress, rule):
            if progress.position.step == self.step:
                rule.descent.go_by(lambda step, total: value)

    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as refused:
        fitted(ASKED, tmp_path / "run", given=data(), own=Own(model=Net()), listeners={"rate": Rate(AT, lambda: None)})
    noted(refused.value.details["step"], str(refused.value), tmp_path / "run", "the learning rate is not finite")


def test_weights_that_were_driven_apart_are_laid_to_the_rate(tmp_path):
    asked = {**ASKED, "rule": {**RULE, "optimizer": "sgd", "rate": 1e6, "average": 0.9}}
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as refused:
        fitted(asked, tmp_path / "run", given=data(), own=Own(model=nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 1))))
    CAUGHT.note(1, int("the learning rate is too high" in refused.value.why and sound(tmp_path / "run")))
    assert "the learning rate is too high" in refused.value.why
    assert sound(tmp_path / "run")


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_that_overflows_is_told_with_what_to_change(tmp_path, precision):
    net = Net(between=lambda inner: inner * (1e39 if precision == "bfloat16" else 1e7))
    wrong = {"wrong": At(AT, lambda: setattr(net, "wrong", True))}
    asked = {**ASKED, "rule": {**RULE, "steps": 90}, "precision": precision}
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as refused:
        fitted(asked, tmp_path / "run", given=data(), own=Own(model=net), listeners=wrong)
    late = range(20) if precision == "float16" else range(1)  # its scale of losses is halved as often
    held = refused.value.details["step"] - AT - 1 in late and sound(tmp_path / "run")
    CAUGHT.note(1, int(held))
    assert refused.value.details["step"] - AT - 1 in late
    assert sound(tmp_path / "run")


WAYS = {
    "a program": {"speed": [{"program": "dense-chain"}]},
    "lanes": {"speed": [{"lanes": 2, "threads": 1}]},
    "parts": {"rule": {**RULE, "accumulate": 4}},
}


@pytest.mark.parametrize("way", WAYS)
def test_however_steps_are_taken_it_is_caught_as_soon(tmp_path, way):
    asked = {**ASKED, "model": {"name": "mlp", "hidden": [8]}, "evaluate_every": 10, **WAYS[way]}
    listeners = {"wrong": Writes(AT, lambda rule: list(rule.model.parameters())[-1], 1e38)}
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as refused:
        fitted(asked, tmp_path / "run", given=data(), listeners=listeners)
    noted(refused.value.details["step"], str(refused.value), tmp_path / "run", "numbers left the range", "example")


@pytest.mark.parametrize(("every", "goes_on"), [(0, False), (2, True)] if WHOLE else [(0, False)])
def test_steps_that_are_spared_are_counted(tmp_path, every, goes_on):
    """Four in a row end a run; now and then one is spared, up to a hundredth of all."""

    class Sometimes(Judged):
        declaration = Regression.declaration
        step = 0

        def prepare(self, batch, at):
            type(self).step = at.step
            return batch

        def objective(self, model, batch):
            losses = Regression.objective(self, model, batch)
            step = type(self).step
            bad = step in range(20, 23) or (step in (30, 33) if every else step in range(40, 44))
            return Losses(in_one(NAN)(losses.loss) if bad and model.training else losses.loss, losses.weight)

    asked = {**ASKED, "rule": {**RULE, "steps": 600 if every else STEPS}, "evaluate_every": 100, "checkpoint_steps": 20}
    run = lambda: fitted(asked, tmp_path / "run", given=data(), own=Own(task=Sometimes, model=Net()))  # noqa: E731
    if goes_on:
        assert run().steps == 600
        return
    with expect_refusal("TRAIN_DIVERGED", exit_code=5) as refused:
        run()
    assert refused.value.details["step"] in (42, 44)
    assert sound(tmp_path / "run")


@pytest.mark.parametrize("kind", ["loss", "slope"])
def test_a_spike_is_told_and_stops_nothing(tmp_path, kind):
    def act(loss):
        return loss * 400 if kind == "loss" else loss + 1e5 * (loss - loss.detach())

    task = type("Spiked", (Judged,), {"act": staticmethod(act), "wrong": False})
    wrong, right = At(AT, lambda: setattr(task, "wrong", True)), At(AT + 1, lambda: setattr(task, "wrong", False))
    how = {"own": Own(task=task, model=Net()), "listeners": {"wrong": wrong, "right": right}}
    told_once(tmp_path / "run", "the loss is" if kind == "loss" else "the slope is", {}, **how)


def test_a_spike_in_the_midst_of_a_programs_steps_is_told_by_its_step(tmp_path):
    asked = {"model": {"name": "mlp", "hidden": [8]}, "speed": [{"program": "dense-chain"}]}
    listeners = {"wrong": Writes(AT, lambda rule: list(rule.model.parameters())[-1], 60.0)}
    told_once(tmp_path / "run", "the loss is", asked, listeners=listeners)


def told_once(path: Path, what: str, changed: dict[str, Any], **how: Any) -> None:
    heard, steps = Heard(), 120
    asked = {**ASKED, **changed, "rule": {**RULE, "steps": steps}, "evaluate_every": 60, "checkpoint_steps": 60}
    run = fitted(asked, path, given=data(), talk=heard, **how)
    said = [text for text in heard.warned if "a spike in step" in text]
    SPIKES.note(1, int(len(said) == 1 and run.steps == steps))
    assert run.steps == steps
    assert len(said) == 1
    assert f"a spike in step {AT + 1}" in said[0]
    assert what in said[0]
    lines = [one["spikes"] for one in run.history if "spikes" in one]
    assert lines[0]["step"] == AT + 1
    count = sum(one["count"] for one in lines)  # a weight that was changed does not come back at once
    first = "There was a spike in" if count == 1 else f"There were {count} spikes, the first in"
    assert f"{first} step {AT + 1}: {what.replace('is', 'was')}" in report_of(Facts.of(run.folder))


@pytest.mark.parametrize("source", ["iris", "digits", "diabetes", "wine", "breast-cancer", "blobs"] if WHOLE else ["iris"])
def test_a_healthy_run_has_no_spikes(tmp_path, source):
    heard = Heard()
    fitted({"source": source, "rule": {"steps": 400}}, tmp_path / "run", talk=heard)
    SPIKES.note(1, int(not any("a spike" in text for text in heard.warned)))
    assert [text for text in heard.warned if "a spike" in text] == []
