"""Speed: how the steps of a stage are run, found by trying them on the run's own net and data before the first one.

What is found stands in the run's plan and settings, and is remembered for this net, these batches and this machine; equal seed
and equal plan give equal bits. A way of taking steps counts only if its losses over the trial are those of plain steps.
"""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from thalweg.core import registry
from thalweg.core.device import has_bfloat16, has_tf32, laid_out, most_threads, products
from thalweg.core.errors import UsageRefusal
from thalweg.core.exhaustion import Attempt
from thalweg.core.lanes import lanes
from thalweg.core.memory import free_bytes
from thalweg.core.talk import Talk
from thalweg.data.batches import StoredBatches
from thalweg.engine.plan import PLAIN, SpeedPlan, in_words
from thalweg.rules._gradient import GradientRule, refuse_to_split
from thalweg.training.layer_calls import unchanged
from thalweg.training.planned import Planned
from thalweg.training.remembered import Remembered
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Stage
from thalweg.training.trial import Clock, steps_on, taken_back, within_memory

SPEED, PROBED = "speed", "speed_probed"
"""In what a run decided: the plan of each stage, and that they were found by a probe."""
SHARE, LEAST, MOST = 0.04, 0.2, 20.0
"""Of the time that plain steps would take, what the trial may: that share, but so many seconds at least and at most."""
LARGER: Mapping[str, float] = {"program": 0.08, "one_piece": 0.08, "precision": 0.08}
"""That share for what gains most: a program that fits was faster wherever steps are slow (LOG.md); so were instructions for a
lower precision, which are asked for first."""
PROGRAM = "program", "one_piece"
"""What is tried of programs."""
ROUNDS, SLOW = 3, 0.005
"""Times that each candidate is timed, in turn with the others, as long as half of the time is left. Where a step takes so many
seconds, it is timed alone: once, and once more those that the first time left open."""
LONG = 0.1
"""Seconds of a step from which fewer threads are not tried: its operations are large enough to be shared."""
BLOCK_SECONDS = 0.01
"""What is timed in one go, about, up to so many steps, after one or more that count for nothing:"""
BLOCK_STEPS = 32
FEW = 4
"""Rows, about, that show whether a net draws or counts on the way."""
GAIN = 1.05
"""How many times as fast as the best so far a candidate must be: less may be noise."""
HOPELESS, OPEN = 1.3, 1.15
"""How many times as long as the fastest a candidate may take to be timed again; the same where steps are slow."""
NEAR, NEAR_MIXED = 1e-3, 0.05
"""Share by which losses may differ from those of plain steps: of what computes the same, and in another precision."""
COMPILED: Mapping[str, float] = {"cuda": 1.5, "cpu": 1.1}
"""How many times as fast compiled steps are expected to be; on a CPU without AVX-512 most nets came out slower (LOG.md)."""
COMPILE_SECONDS = 60.0
"""What compiling takes, about, and what a trial may spend on it where the run will last long enough to make that good."""
AHEAD_BYTES, AHEAD_SHARE = 2**31, 0.25
"""Of rows that are finished ahead, at most; and of the free memory."""


def settle(stage: Stage, settings: RunSettings, planned: Planned, talk: Talk, *, begun: bool) -> None:
    """Give a stage its plan: as was decided when it began, as asked for, or as a trial finds.

    Args:
        begun: the stage has taken steps, by the plan that was kept, or by none.
    """
    number, kept = stage.progress.position.stage, planned.found.get(SPEED, [])
    given = _given(settings, planned)
    if number < len(kept):
        plan = SpeedPlan.model_validate(kept[number])
    elif begun or given == PLAIN:
        plan = SpeedPlan()
    else:
        planned.found |= {} if isinstance(given, list) else {PROBED: True}
        attempt, plan = Attempt(), SpeedPlan()
        with attempt:  # a trial keeps a copy of all that the stage holds
            plan = given[min(number, len(given) - 1)] if isinstance(given, list) else probed(stage, settings, talk)
        planned.found[SPEED] = [*kept, plan.as_json()]
    if plan.lanes > 1 and isinstance(given, list):
        refuse_lanes(stage)
    hold(plan, stage, settings)


def _given(settings: RunSettings, planned: Planned) -> list[SpeedPlan] | str:
    """How steps are to be run; where a resumed run's settings hold what its probe found, by a probe again."""
    kept = planned.found.get(SPEED, [])
    written = [in_words(kept), [SpeedPlan.model_validate(one) for one in kept]]
    return "probe" if planned.found.get(PROBED) and settings.speed in written else settings.speed


def refuse_lanes(stage: Stage) -> None:
    """Return if the parts of a batch may be computed side by side.

    Raises:
        UsageRefusal: the rule has no slopes, rows depend on each other, or something is drawn or counted on the way, which
            would come in another order every time.
    """
    rule, at = stage.rule, stage.progress.position
    why = "only a rule that sums slopes has parts that could be"
    if isinstance(rule, GradientRule) and rule.parts == 1:
        try:
            refuse_to_split(stage.task, rule.model, at_rest=rule.at_rest.norms)
        except UsageRefusal as refusal:
            raise _misfit(f"its rows depend on each other: {refusal.where}") from None
        why = "the net draws or counts on the way, which would come in another order every time"
        with unchanged(rule.model):
            batch = rule.prepare(stage.batches.at(at), at)
            part = batch.parts(max(2, batch.size // FEW))[0]
            before = [torch.get_rng_state(), *(one.clone() for one in rule.model.buffers())]
            lanes(2).map(rule.slope, [part], seed=0)
            if all(map(torch.equal, before, [torch.get_rng_state(), *rule.model.buffers()])):
                return
    raise _misfit(why)


def _misfit(why: str) -> UsageRefusal:
    return UsageRefusal(
        "SPEED_LANES_MISFIT",
        "the parts of a batch cannot be computed side by side here",
        where="--speed",
        why=why,
        fix="--speed probe, which finds what fits, or --speed plain",
    )


def lay_weights(stage: Stage, settings: RunSettings) -> None:
    """Have weights lie in memory as the stage's plan says; a program may have laid them otherwise for its own products."""
    for module in {id(one): one for one in (stage.rule.model, stage.rule.shipped)}.values():
        laid_out(module, stage.plan.memory_format or settings.memory_format)


def hold(plan: SpeedPlan, stage: Stage, settings: RunSettings) -> None:
    """Set up a stage as a plan says."""
    rule, stage.plan = stage.rule, plan
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    rule.context = dataclasses.replace(rule.context, precision=plan.precision or stage.precision)
    lay_weights(stage, settings)
    if isinstance(rule, GradientRule):
        rule.lanes = lanes(plan.lanes) if plan.lanes > 1 and rule.parts == 1 else None  # memory may have been refused to them
        rule.objective = torch.compile(stage.task.objective, dynamic=False) if plan.compiled else stage.task.objective
    if plan.ahead and isinstance(stage.batches, StoredBatches):
        stage.batches.finish_ahead(AHEAD_BYTES)


def probed(stage: Stage, settings: RunSettings, talk: Talk, *, clock: Clock = time.perf_counter) -> SpeedPlan:
    """What a trial finds, or found before; plain steps where there is nothing to choose from."""
    rule = stage.rule
    stateless = not stage.batches.state_dict()
    if rule.context.processes.world > 1 or not stateless or not _steps_left(stage):
        return SpeedPlan()
    if not isinstance(rule, GradientRule):
        return _without_slopes(Trial(stage, settings, clock, SpeedPlan(), []))
    remembered = Remembered.of(stage, settings)
    with taken_back(stage):
        stage.begin(once_more=True)
        trial = Trial(stage, settings, clock, remembered.plan, list(remembered.tried), remembered.gain, remembered.step)
        trial.search(talk)
        hold(SpeedPlan(threads=trial.threads), stage, settings)
    if trial.compared or trial.tried != list(remembered.tried):
        remembered.keep(trial.best, trial.tried, gain=trial.gain, step=trial.step)
    _tell(talk, trial.best, trial.gain, before=not trial.compared)
    return trial.best


def _without_slopes(trial: "Trial") -> SpeedPlan:
    """Of rules that follow no slope: the program that fits, which takes the same steps with less around them; not timed."""
    program = next(iter(trial._programs()), "") if trial._can_finish_ahead() else ""
    return SpeedPlan(program=program, ahead=True) if program else SpeedPlan()


def _steps_left(stage: Stage) -> int:
    return stage.progress.position.total - stage.progress.position.step


def _tell(talk: Talk, plan: SpeedPlan, gain: float, *, before: bool) -> None:
    if plan.told == "plain":
        return
    how = f"{gain:.1f} times as fast as plain steps" + (", as measured here before" if before else "")
    talk.say(SPEED, f"{plan.told}: {how}; as plain as can be: --speed plain", "equal seeds give equal bits by this plan")


@dataclass
class Trial:
    """A search among ways of taking steps, one property after another, each time from the best so far.

    Attributes:
        best: the fastest plan so far that learns what plain steps do.
        tried: properties that were looked at.
        gain: how many times as fast as plain steps the best is; 0 where nothing was compared.
        step: seconds of a plain step, roughly; 0 before it was timed.
        compared: something was, in this trial.
        threads: as many as there were.
        expected: losses of plain steps from where the stage begins; empty before as many were taken as candidates take.
        latest: seconds of a step by the best plan, where it was timed just before and steps are slow; else 0.
    """

    stage: Stage
    settings: RunSettings
    clock: Clock
    best: SpeedPlan
    tried: list[str]
    gain: float = 0.0
    step: float = 0.0
    compared: bool = False
    threads: int = field(default_factory=torch.get_num_threads)
    expected: Sequence[float] = ()
    latest: float = 0.0

    def search(self, talk: Talk) -> None:
        """Look at each property that was not looked at before, at as many of its candidates as the time allows."""
        self.start = {name: _copied(one) for name, one in self.stage.rule.state_dict().items()}
        if "ahead" not in self.tried:
            self.best = self.best.model_copy(update={"ahead": self._can_finish_ahead()})
            self.tried.append("ahead")
        if self.step:
            self._cut(self.step)
        spent = 0.0
        for name, candidates in self._properties().items():
            found = candidates() if name not in self.tried else []
            if not found:
                continue
            left = self._allowed(name) - spent
            fitting, begun = self._fitting(found, left), self.clock()
            if name == "compiled" or len(fitting) * self._once > 0.2:
                talk.live(SPEED, "ways of taking steps are tried")
            if fitting:
                program = name in PROGRAM and not self.best.program
                self._choose(fitting, seconds=left, favoured=self._slow and program)
                spent += self.clock() - begun
            if len(fitting) == len(found):  # else the next run looks at them again
                self.tried.append(name)

    def _properties(self) -> Mapping[str, Callable[[], list[SpeedPlan]]]:
        """What gives each property's candidates, to be called by its turn: they differ from the best so far."""
        return {
            "program": lambda: [self._by(name) for name in self._programs()],
            "one_piece": self._in_one_piece,
            "precision": self._precisions,
            "cores": self._cores,
            "memory_format": lambda: [self._with(memory_format=one) for one in self._formats()],
            "compiled": lambda: [self._with(compiled=True)] if self._may_compile(self._run()) else [],
        }

    def _cores(self) -> list[SpeedPlan]:
        in_lanes = [self._with(lanes=n, threads=1) for n in self._lane_counts()]
        return [*(self._with(lanes=1, threads=n) for n in self._thread_counts()), *in_lanes]

    def _run(self) -> float:
        """Seconds that all steps would take by the rule."""
        return self._step() * _steps_left(self.stage)

    def _step(self) -> float:
        """Seconds of a step by the rule, roughly."""
        if not self.step:
            self._time_plain()
        return self.step

    def _allowed(self, name: str) -> float:
        """Seconds that all may take that is timed until a property's candidates were, besides what compiling costs."""
        allowed = min(max(LARGER.get(name, SHARE) * self._run(), LEAST), MOST)
        return max(allowed - COMPILE_SECONDS, COMPILE_SECONDS) if name == "compiled" else allowed

    def _fitting(self, candidates: Sequence[SpeedPlan], seconds: float) -> Sequence[SpeedPlan]:
        """As many candidates as can be timed once in so many seconds."""
        return candidates[: max(0, int(seconds / self._once) - len(self._beside()))]

    @property
    def _once(self) -> float:
        """About the seconds that timing a candidate once takes: as long as plain steps."""
        return (self.warm + self.count) * self.step

    @property
    def _slow(self) -> bool:
        """Each candidate is timed by one step after another one."""
        return self.step > SLOW and self.warm == self.count == 1

    def _beside(self) -> list[SpeedPlan]:
        """What is to be timed beside candidates."""
        plain = SpeedPlan(ahead=self.best.ahead)
        return [plain] * (not self.expected and self.best.told != "plain") + [self.best] * (not self.latest)

    def _may_compile(self, run: float) -> bool:
        """What is expected to be gained over a run of so many seconds exceeds what compiling costs."""
        expected = COMPILED.get(self.stage.rule.context.device.type, 1.0)
        rule = self.stage.rule
        own = not isinstance(rule, GradientRule) or type(rule).slope is not GradientRule.slope  # which compiles nothing
        return not own and not self._multiplied_otherwise() and run * (1 - 1 / expected) > COMPILE_SECONDS

    def _multiplied_otherwise(self) -> bool:
        """The best so far takes steps by products of its own, which no precision, order in memory or compiler reaches."""
        return bool(self.best.program) and not registry.facts("program", self.best.program).get("by_slope")

    def _with(self, **changed: Any) -> SpeedPlan:
        return SpeedPlan.model_validate(self.best.model_dump() | changed)

    def _by(self, name: str) -> SpeedPlan:
        """A program, in as many lanes as there are cores where it takes lanes."""
        most = max(self._lane_counts(), default=1) if registry.facts("program", name).get("lanes") else 1
        return self._with(program=name, **({"lanes": most, "threads": 1} if most > 1 else {}))

    def _in_one_piece(self) -> list[SpeedPlan]:
        """Programs that were tried in lanes, without; not where steps are slow and lanes gained: looking costs most there."""
        if self.best.program and self._slow and self.gain >= OPEN:
            return []
        names = [self.best.program] if self.best.program else self._programs()
        parted = [name for name in names if registry.facts("program", name).get("lanes") and self._lane_counts()]
        return [self._with(program=name, lanes=1, threads=None) for name in parted]

    def _programs(self) -> list[str]:
        """Those that fit."""
        rule, batches = self.stage.rule, self.stage.batches
        return [name for name in registry.names("program") if registry.load("program", name).of(rule, batches) is not None]

    def _thread_counts(self) -> list[int]:
        """Powers of two up to the cores that this process may use."""
        if self.settings.threads is not None or self.stage.rule.context.device.type != "cpu":
            return []
        most = most_threads()
        now = self.best.threads or self.threads
        if self.best.lanes > 1:  # one piece on as many threads as before was looked at beside it
            return [most] * (self._step() <= LONG and most > self.threads)
        fewest = now if self._step() > LONG else 1
        return sorted({n for n in (1, 2, 4, 8, 16, most) if fewest <= n <= most} - {now})

    def _lane_counts(self) -> list[int]:
        """Up to the threads there are, where parts of a batch may be computed side by side."""
        most = most_threads()
        if self.settings.threads is not None or self.stage.rule.context.device.type != "cpu" or most < 2:
            return []
        if self.best.program and not registry.facts("program", self.best.program).get("lanes"):
            return []
        return sorted({n for n in (2, 4, 8, 16, most) if n <= most} - {self.best.lanes}) if self._parted else []

    @cached_property
    def _parted(self) -> bool:
        """Parts of a batch may be computed side by side."""
        try:
            refuse_lanes(self.stage)
        except UsageRefusal:
            return False
        return True

    def _formats(self) -> list[str]:
        if self.settings.memory_format != "auto" or self._multiplied_otherwise():
            return []
        convolves = any(isinstance(one, torch.nn.Conv2d) for one in self.stage.rule.model.modules())
        last = self.stage.rule.context.device.type == "cpu"  # what `auto` takes there
        return ["plain" if last else "channels-last"] if convolves else []

    def _precisions(self) -> list[SpeedPlan]:
        """Those that the device has instructions for; by the rule, where the best program knows nothing of them.

        bfloat16 not where the task says what it needs: numbers are told less finely by eight bits (LOG.md).
        """
        device, now = self.stage.rule.context.device, self.stage.rule.context.precision
        needed: str | None = self.stage.task.declaration.facts.get("precision")  # type: ignore[attr-defined]
        if self.settings.precision != "auto" or now != "float32":
            return []
        there = {"tf32": has_tf32(device), "bfloat16": needed is None and has_bfloat16(device)}
        known = registry.facts("program", self.best.program).get("precisions", ()) if self._multiplied_otherwise() else there
        each = [name for name, has in there.items() if has]
        return [self._with(precision=name, **({} if name in known else {"program": ""})) for name in each]

    def _can_finish_ahead(self) -> bool:
        """Rows are seen twice or more, and have room."""
        batches = self.stage.batches
        free = free_bytes(self.stage.rule.context.device)
        most = AHEAD_BYTES if free is None else min(AHEAD_BYTES, AHEAD_SHARE * free)
        again = batches.length is not None and _steps_left(self.stage) >= 2 * batches.length
        return again and isinstance(batches, StoredBatches) and batches.finish_ahead(int(most))

    def _time_plain(self) -> None:
        """Time plain steps, roughly; sets how many are timed in one go.

        The first steps of a process wait for memory and for kernels to be made: where a few more are affordable they are taken,
        or whatever comes next would look faster than it is.
        """
        on_cpu, plain = self.stage.rule.context.device.type == "cpu", SpeedPlan(ahead=self.best.ahead)
        if on_cpu:
            self.warm, self.count = 1, 1
            self.step, losses = within_memory(self.stage, lambda: self._timed(plain))
        if not on_cpu or self.step <= SLOW:
            self.warm, self.count = 2, 2
            self.step, losses = within_memory(self.stage, lambda: self._timed(plain))
        elif self.step <= LONG:
            self.step = min(self.step, self._timed(plain)[0], self._timed(plain)[0])
        self._cut(self.step)
        if self._slow:
            self.expected, self.latest = losses[: self.warm + self.count], self.step if self.best == plain else 0.0

    def _cut(self, step: float) -> None:
        """Set how many steps are timed in one go, and how often, by the seconds of one."""
        self.count = 1 if step > SLOW else min(BLOCK_STEPS, math.ceil(BLOCK_SECONDS / max(step, 1e-6)))
        self.warm = 2  # elsewhere a program may be built in its second step
        if self.stage.rule.context.device.type == "cpu":
            self.warm = min(2, self.count)
        self.rounds = ROUNDS - (step > SLOW)

    def _choose(self, candidates: Sequence[SpeedPlan], *, seconds: float = math.inf, favoured: bool = False) -> None:
        """Take the fastest of the candidates if it is faster than the best so far and learns the same.

        Args:
            seconds: after half of them nothing is timed again.
            favoured: they are known to be faster, as a rule: one that is so the first time is taken, by however much.
        """
        until = self.clock() + seconds / 2
        plans = list(dict.fromkeys([*self._beside(), self.best, *candidates]))
        whole = 1.0 if plans[0].told == "plain" else self.gain
        times: list[list[float]] = [[] for _ in plans]
        times[0] += [self.latest] * (self.latest > 0)
        wrong, left = set[int](), list(range(len(plans)))
        for turn in range(self.rounds):
            for index in [index for index in left if len(times[index]) <= turn]:
                plan = plans[index]
                try:
                    each, losses = self._timed(plan)
                except (UsageRefusal, RuntimeError, MemoryError):  # it does not fit, or cannot be compiled or run so
                    wrong.add(index)
                    continue
                self.expected = self.expected or losses
                if not _alike(losses, self.expected, NEAR_MIXED if plan.precision else NEAR):
                    wrong.add(index)
                times[index].append(each)
            left = [index for index in left if index not in wrong]
            least = min((statistics.median_low(times[index]) for index in left), default=0.0)
            near = OPEN if self._slow and not favoured else HOPELESS
            left = [index for index in left if statistics.median_low(times[index]) <= near * least]
            faster = favoured and statistics.median_low(times[plans.index(self.best)]) > least
            if len(left) < 2 or faster or self.clock() > until:
                break
        self.compared = True
        if 0 in wrong:  # plain steps are not finite, of which the run will say why; or what was remembered fits no more
            self.best, self.gain = SpeedPlan(ahead=self.best.ahead), 1.0
            return
        known = {index: statistics.median_low(one) for index, one in enumerate(times) if index not in wrong}
        now = plans.index(self.best)
        fastest = min(known, key=lambda index: known[index])
        least_gain = 1.0 if favoured else GAIN if len(times[fastest]) > 1 else OPEN
        if now not in known or known[fastest] * least_gain < known[now]:
            self.best = plans[fastest]
            now = fastest
        self.gain = whole * known[0] / known[now]
        self.latest = known[now] if self._slow else 0.0

    def _timed(self, plan: SpeedPlan) -> tuple[float, list[float]]:
        """Seconds of a step by a plan, from where the stage begins, and the losses of all that were taken."""
        hold(plan.model_copy(update={"threads": plan.threads or self.threads}), self.stage, self.settings)
        self.stage.rule.load_state_dict(_copied(self.start))
        program, context = self.stage.program(), self.stage.rule.context
        with products(context.device, context.precision):
            first = self.clock()
            losses = steps_on(self.stage, 0, self.warm, program)
            begun = self.clock()
            losses += steps_on(self.stage, self.warm, self.count, program)
            each = (self.clock() - begun) / self.count
        alone = self.warm == self.count == 1  # of two single steps the shorter: what else the machine does falls on one of them
        return min(each, begun - first) if alone else each, losses


def _alike(losses: Sequence[float], expected: Sequence[float], near: float) -> bool:
    """All losses are those of plain steps, up to a share; the first are as large as any."""
    scale = max(map(abs, expected))
    return all(abs(one - wanted) <= near * max(abs(wanted), 0.1 * scale) for one, wanted in zip(losses, expected, strict=True))


def _copied(state: Any) -> Any:  # noqa: ANN401 - any state
    """State dictionaries with tensors of their own."""
    if isinstance(state, torch.Tensor):
        return state.clone()
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    return state
