"""Profiles: parts add up to the wall time, what costs most is named, and operations are counted as one does by hand."""

import time
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import thalweg as tw
from tests.training.test_engine import rule_on
from thalweg.core.machine import Peak
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.sources.xor import ExclusiveOr
from thalweg.engine.program import Program, Taken
from thalweg.rules._rule import Rule
from thalweg.training.loop import Progress, learn
from thalweg.training.profile import Profile, Spent
from thalweg.training.profile_telling import profiled
from thalweg.training.profile_work import Work, counted


class Clock:
    """A clock that goes on only where something says that it took time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds: float) -> None:
        self.now += seconds


class Slow(nn.Module):
    """A net whose forward pass takes as long as it says."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.layer, self.clock, self.seconds = nn.Linear(4, 3), clock, seconds

    def forward(self, numbers: Tensor) -> Tensor:
        self.clock.takes(self.seconds)
        return self.layer(numbers)


def spent(*, forward: float = 0.0, augment: float = 0.0, watching: float = 0.0, steps: int = 60) -> Spent:
    """What a training took in which nothing takes time but what is said to, in seconds of a step."""
    clock = Clock()
    rule, batches = rule_on(Slow(clock, forward))

    def slow(batch: Batch, at: Position) -> Batch:
        clock.takes(augment)
        return batch

    class Watching:
        def __call__(self, progress: Progress, rule: Any) -> None:
            clock.takes(watching)

    batches.augment = (slow,) if augment else ()
    progress = Progress(Position(total=steps), batches.length)
    with Profile(rule, batches, progress, clock=clock) as profile:
        learn(rule, batches, progress, profile.among([Watching()]))
    return profile.spent


def clocked(**costs: float) -> dict[str, Any]:
    """The profile of such a training."""
    return profiled(spent(**costs), Work(), None, rows=30)


def shares(found: dict[str, Any]) -> dict[str, float]:
    return {part["name"]: round(part["share"], 6) for part in found["parts"]}


def test_each_part_is_told_by_what_it_took_and_steps_that_were_not_timed_in_parts_count_too():
    found = clocked(forward=1.0, augment=2.0, watching=1.0)
    assert shares(found) == {"augment": 0.5, "forward": 0.25, "listeners": 0.25}
    assert (found["steps"], found["seconds"], found["step_milliseconds"]) == (60, 240.0, 3000.0)
    assert 5 <= found["timed_in_parts"] < 12
    assert found["rows_per_second"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("costs", "words"),
    [
        ({"forward": 1.0, "augment": 3.0}, "75 % of the time is spent on augmentation"),
        ({"forward": 1.0, "watching": 2.0}, "67 % of the time is spent on listeners"),
        ({"forward": 3.0, "augment": 1.0}, "the net's own work"),
    ],
)
def test_the_part_that_takes_most_is_the_bottleneck(costs, words):
    assert clocked(**costs)["bottleneck"].startswith(words)


class Quick(Program):
    """Takes steps in a second each, and does nothing but ask for their batches."""

    def __init__(self, batches: Batches, clock: Clock) -> None:
        self.batches, self.clock = batches, clock

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "Quick":
        raise NotImplementedError

    def take(self, at: Position, most: int) -> Taken:
        for more in range(most):
            self.batches.at(at.advanced(self.batches.length, more))
            self.clock.takes(1.0)
        return Taken(most, [0.5] * most)


def test_steps_of_a_program_are_one_part_beside_what_supplies_it():
    clock = Clock()
    rule, batches = rule_on(nn.Linear(4, 3))

    def slow(batch: Batch, at: Position) -> Batch:
        clock.takes(3.0)
        return batch

    batches.augment = (slow,)
    progress = Progress(Position(total=2000), batches.length)
    with Profile(rule, batches, progress, clock=clock) as profile:
        learn(rule, batches, progress, profile.among([]), Quick(batches, clock))
    found = profiled(profile.spent, Work(), None, rows=30, program="quick")
    assert shares(found) == {"augment": 0.75, "step (quick)": 0.25}
    assert (found["steps"], found["seconds"], found["program"]) == (2000, 8000.0, "quick")
    assert 0 < found["timed_in_parts"] < 1000
    assert vars(batches)["augment"] == (slow,)
    assert "at" not in vars(batches)


def test_a_step_is_as_before_once_it_was_timed():
    rule, batches = rule_on(nn.Linear(4, 3))
    before = (dict(vars(rule)), dict(vars(batches)), dict(vars(rule.task)), torch.autograd.grad)
    progress = Progress(Position(total=9), batches.length)
    with Profile(rule, batches, progress) as profile:
        learn(rule, batches, progress, profile.among([]))
    assert profile.spent.rule.sampled == 3
    kept = (vars(rule), vars(batches), vars(rule.task), torch.autograd.grad)
    assert [set(one) if isinstance(one, dict) else one for one in before] == [
        set(one) if isinstance(one, dict) else one for one in kept
    ]


def test_a_step_that_fails_while_it_is_timed_leaves_nothing_behind():
    class Failing(nn.Linear):
        calls = 0

        def forward(self, numbers: Tensor) -> Tensor:
            self.calls += 1
            if self.calls == 3:
                raise ValueError("the third")
            return super().forward(numbers)

    rule, batches = rule_on(Failing(4, 3))
    progress = Progress(Position(total=9), batches.length)
    with pytest.raises(ValueError, match="the third"), Profile(rule, batches, progress) as profile:
        learn(rule, batches, progress, profile.among([]))
    assert "slope" not in vars(rule)
    assert torch.autograd.grad.__module__ == "torch.autograd"


@pytest.mark.parametrize("hidden", [[7], [12, 5]])
def test_operations_of_a_perceptron_are_three_products_a_layer_but_no_slope_of_its_input(hidden):
    sizes = [4, *hidden, 3]
    layers = [module for pair in pairwise(sizes) for module in (nn.Linear(*pair), nn.Tanh())]
    rule, batches = rule_on(nn.Sequential(*layers[:-1]))
    batch = batches.at(Position(total=12))
    products = [first * second for first, second in pairwise(sizes)]
    assert counted(rule, batch, Position(total=12)).flops == 2 * batch.size * (3 * sum(products) - products[0])


def test_operations_of_fused_recurrent_layers_are_counted():
    class Read(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.last = nn.LSTM(1, 6, batch_first=True), nn.Linear(6, 3)

        def forward(self, numbers: Tensor) -> Tensor:
            return self.last(self.layer(numbers[:, :, None])[0][:, -1])

    rule, batches = rule_on(Read())
    batch = batches.at(Position(total=12))
    recurrent = 3 * 2 * batch.size * 4 * (4 * 6 * 1 + 4 * 6 * 6)
    assert counted(rule, batch, Position(total=12)).flops == recurrent + 3 * 2 * batch.size * 6 * 3


def test_counting_changes_no_weight_no_statistic_and_no_later_draw():
    rule, batches = rule_on(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 3)))
    before = {name: one.clone() for name, one in rule.model.state_dict().items()}
    torch.manual_seed(5)
    counted(rule, batches.at(Position(total=12)), Position(total=12), kernels=True)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))
    assert all(torch.equal(one, before[name]) for name, one in rule.model.state_dict().items())


def test_a_net_near_the_peak_is_said_to_be_near_the_limit_and_one_below_it_what_keeps_it_there():
    work_alone, flops = spent(forward=1.0), 10**6

    def told(peak: float, kernels: float | None) -> str:
        work = Work(flops, moved=1, calls=1, kernels=kernels)
        return profiled(work_alone, work, Peak(peak, 1e15), rows=30)["bottleneck"]

    near, idle = told(flops / 0.62, 0.9), told(flops / 0.02, 0.31)
    assert near.startswith("near the machine's limit: 62 % of its measured peak")
    assert idle.startswith("bound by Python between kernels: the kernels take 31 % of forward and backward")


class Heavy(nn.Module):
    """Large products and little else."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 3))

    def forward(self, numbers: Tensor) -> Tensor:
        return self.layers(numbers.repeat(40, 1)).view(40, len(numbers), -1).mean(0)


def test_a_net_of_large_products_is_bound_by_its_kernels_and_a_tiny_one_by_python():
    def said(net: nn.Module) -> str:
        rule, batches = rule_on(net)
        work = counted(rule, batches.at(Position(total=8)), Position(total=8), kernels=True)
        return profiled(spent(forward=1.0), work, Peak(1e15, 1e15), rows=30)["bottleneck"]

    tiny = nn.Sequential(nn.Linear(4, 4), *[nn.Tanh() for _ in range(60)], nn.Linear(4, 3))
    for net, bound in ((Heavy(), "bound by the kernels"), (tiny, "bound by Python")):
        assert any(said(net).startswith(bound) for _ in range(5)), bound  # other programs may want the core for a while


class SlowCases(ExclusiveOr):
    """Rows that take long to draw."""

    def draw(self, generator: torch.Generator, count: int) -> Any:
        time.sleep(0.02)  # a real cost, many times that of the step
        return super().draw(generator, count)


def test_a_source_that_draws_slowly_is_named_in_the_run_and_its_parts_add_up(tmp_path):
    data = SlowCases()
    settings = {"rule": {"settings": {"steps": 40, "batch_size": 16}}, "profile": True, "model": {"name": "mlp"}}
    run = tw.train(data, settings=settings, speed="plain", compare=False, check=False, out=tmp_path / "run")
    found = run.results["profile"]
    parts = {part["name"]: part["seconds"] for part in found["parts"]}
    assert sum(parts.values()) == pytest.approx(found["seconds"], rel=0.1)
    assert min(parts.values()) >= 0
    assert parts["input"] > 0.5 * found["seconds"]
    assert "of the time is spent on input" in found["bottleneck"]
    assert "of the time is spent on input" in (tmp_path / "run" / "log.txt").read_text()
    assert "What training spent its time on" in (tmp_path / "run" / "report.html").read_text()


class Shy(nn.Linear):
    """A net that cannot be watched."""

    def forward(self, numbers: Tensor) -> Tensor:
        if torch.utils._python_dispatch._get_current_dispatch_mode() is not None:
            raise RuntimeError("not while you look")
        return super().forward(numbers)


def test_a_net_that_cannot_be_watched_learns_all_the_same_and_is_not_counted(tmp_path):
    data, how = ExclusiveOr(), {"task": "regression", "steps": 60, "speed": "plain"}
    run = tw.train(data, model=Shy(2, 1), compare=False, check=False, out=tmp_path / "run", **how)
    found = run.results["profile"]
    assert found["not_counted"] == "this net cannot be watched while it is called (RuntimeError: not while you look)"
    assert found["flops_of_step"] is None
    assert found["rows_per_second"] > 0
