"""What a profile says: facts for `results.json`, lines for people, and a sentence that names the bottleneck and what to do."""

from collections.abc import Mapping, Sequence
from typing import Any

from thalweg.core.machine import Peak
from thalweg.training.profile import CHECKPOINT, ELSE, EVALUATION, LISTENERS, PROFILING, PROGRAM, READING, STEP, Spent
from thalweg.training.profile_clock import AUGMENT, BACKWARD, DRAWS, FORWARD, INPUT, OPTIMIZER
from thalweg.training.profile_work import Work

INSIDE = (INPUT, AUGMENT, DRAWS, FORWARD, BACKWARD, OPTIMIZER, STEP, PROGRAM)
ORDER = (*INSIDE, READING, LISTENERS, EVALUATION, CHECKPOINT, PROFILING, ELSE)
COMPUTING = (FORWARD, BACKWARD, STEP, PROGRAM)
"""Parts that stand together when the bottleneck is named: the work itself."""
WATCHING = (READING, LISTENERS)
NEAR, BUSY = 0.5, 0.6
"""Shares of the measured peak from which a run is near the machine's limit, and of kernels below which Python is in the way."""

LEAST_MEMORY = 1_000_000
"""Bytes below which it is not told how much memory a training took."""


def profiled(
    spent: Spent,
    work: Work,
    peak: Peak | None,
    *,
    rows: float | None,
    stage: int = 0,
    program: str | None = None,
    plain: bool = False,
) -> dict[str, Any]:
    """A stage's profile as JSON values.

    Args:
        peak: None where it was not measured.
        rows: of a step.
        program: what took the steps that the rule did not take itself.
        plain: plain steps were asked for, so that nothing faster was looked for.
    """
    steps, stepping = spent.steps, spent.stepping
    split = spent.split()
    names = {PROGRAM: f"step ({program})", STEP: STEP if FORWARD in split or OPTIMIZER in split else "step"}
    parts = [
        {
            "name": names.get(part, part),
            "seconds": split[part],
            "share": split[part] / spent.seconds,
            "milliseconds": 1e3 * split[part] / steps,
        }
        for part in ORDER
        if part in split
    ]
    found: dict[str, Any] = {
        "stage": stage,
        "steps": steps,
        "seconds": spent.seconds,
        "step_milliseconds": 1e3 * stepping / steps,
        "rows_per_second": rows * steps / stepping if rows else None,
        "parts": parts,
        "timed_in_parts": spent.rule.sampled + spent.program.sampled,
        "program": program if spent.program.count else None,
        "evaluations": spent.evaluations,
        "flops_of_step": work.flops,
        "flops_per_second": work.flops * steps / stepping if work.flops else None,
        "not_counted": work.why,
        "kernels": work.kernels,
        "peak": {"flops": peak.flops, "bandwidth": peak.bandwidth} if peak else None,
        "share_of_peak": work.flops * steps / stepping / peak.flops if work.flops and peak else None,
        "memory_bytes": spent.memory,
    }
    return {**found, "bottleneck": bottleneck(found, split, _memory_share(work, peak, split, steps), plain=plain)}


def _memory_share(work: Work, peak: Peak | None, split: Mapping[str, float], steps: int) -> float | None:
    """The share of forward and backward that moving all tensors through memory would take; below 1, as caches hold some."""
    spent = split.get(FORWARD, 0.0) + split.get(BACKWARD, 0.0)
    return work.moved / peak.bandwidth * steps / spent if peak and work.moved and spent else None


def bottleneck(found: Mapping[str, Any], split: Mapping[str, float], memory: float | None, *, plain: bool = False) -> str:
    """What takes the most time, and what to do.

    Args:
        split: seconds by part.
        memory: share of forward and backward that memory would take at its best.
    """
    groups = {
        "work": _sum(split, COMPUTING),
        INPUT: _sum(split, (INPUT,)),
        AUGMENT: _sum(split, (AUGMENT,)),
        DRAWS: _sum(split, (DRAWS,)),
        OPTIMIZER: _sum(split, (OPTIMIZER,)),
        LISTENERS: _sum(split, WATCHING),
        EVALUATION: _sum(split, (EVALUATION,)),
        CHECKPOINT: _sum(split, (CHECKPOINT,)),
        ELSE: _sum(split, (PROFILING, ELSE)),
    }
    most = max(groups, key=lambda part: groups[part])
    if most == "work":
        return _of_work(found, memory, plain=plain)
    share = percent(groups[most] / found["seconds"])
    every = found["steps"] // max(1, found["evaluations"])
    return (
        f"{share} of the time is spent on "
        + {
            INPUT: "input: rows are gathered or drawn for every step; draw them once and keep them, "
            "or make them smaller (--ignore FIELD, --image-size N)",
            AUGMENT: "augmentation: fewer or cheaper ones (--augment NAME); --augment none shows what they cost",
            DRAWS: "what the task draws for each step: its settings may have cheaper ones (thalweg info TASK)",
            OPTIMIZER: "the optimizer: larger batches take fewer updates (--batch-size N), "
            "and another optimizer may be cheaper (--set rule.optimizer=adamw)",
            LISTENERS: "listeners, which watch each step: take out those that were added",
            EVALUATION: f"{found['evaluations']} evaluations on validation rows: fewer of them, --set evaluate_every=N "
            f"(now about every {every:,} steps)",
            CHECKPOINT: "checkpoints: fewer of them, --set checkpoint_seconds=600",
            ELSE: "what lies around the steps; more steps (--epochs N) make it small",
        }[most]
    )


def _of_work(found: Mapping[str, Any], memory: float | None, *, plain: bool) -> str:
    """What bounds the work itself: the processor, Python, memory, or kernels that reach neither limit."""
    reached, kernels = found["share_of_peak"], found["kernels"]
    if reached is not None and reached >= NEAR:
        return (
            f"near the machine's limit: {percent(reached)} of its measured peak; "
            "faster only by less work (a smaller net, fewer epochs) or a lower precision (--precision bfloat16)"
        )
    reaches = f", {percent(reached)} of the machine's measured peak" if reached is not None else ""
    if found["program"]:
        return f"the program {found['program']} takes the steps{reaches}: larger batches would fill it better (--batch-size N)"
    if kernels is not None and kernels < BUSY:
        tried = "; --speed probe looks for a faster way to take the steps" if plain else ""
        return (
            f"bound by Python between kernels: the kernels take {percent(kernels)} of forward and backward{reaches}; "
            f"larger batches keep them longer at work (--batch-size N){tried}"
        )
    if memory is not None and memory >= NEAR:
        return f"bound by memory: moving the tensors takes {percent(min(memory, 1.0))} of forward and backward{reaches}; " + (
            "smaller activations or a lower precision (--precision bfloat16) move less"
        )
    bound = f"bound by the kernels, which take {percent(kernels)} of forward and backward" if kernels else "the net's own work"
    tried = ", and --speed probe tries other ways" if plain else ""
    return f"{bound}{reaches}: larger batches (--batch-size N) or more threads (--threads N) may reach more{tried}"


def lines_of(found: Mapping[str, Any]) -> list[str]:
    """A line for each part that took any time to speak of, what was reached, and the bottleneck."""
    parts = noticed(found)
    width = max(len(part["name"]) for part in parts)
    table = [f"{part['name']:<{width}}  {percent(part['share']):>6}  {part['milliseconds']:>9.3f} ms a step" for part in parts]
    memory = (
        f"memory: {found['memory_bytes'] / 1e6:,.0f} MB more than before the first step"
        if (found["memory_bytes"] or 0) >= LEAST_MEMORY
        else ""
    )
    return [*table, reached(found), *filter(None, [memory]), found["bottleneck"]]


def noticed(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The parts but those that would be told as 0.0 %."""
    return [part for part in found.get("parts") or [] if percent(part["share"]) != percent(0)]


def reached(found: Mapping[str, Any]) -> str:
    """How fast the steps were, and what share of the machine's measured peak that is."""
    rows, share = found["rows_per_second"], found["share_of_peak"]
    pace = f"{rows:,.0f} rows/s" if rows else f"{1e3 / found['step_milliseconds']:,.0f} steps/s"
    said = [f"{pace} in the steps"]
    if found["flops_per_second"]:
        said.append(f"{_figure(found['flops_per_second'])}FLOP/s")
    if share is not None:
        said.append(f"{percent(share)} of the machine's measured peak of {_figure(found['peak']['flops'])}FLOP/s")
    if found["not_counted"]:
        said.append(f"not counted: {found['not_counted']}")
    return ", ".join(said)


def spent_on(found: Mapping[str, Any], most: int = 3) -> str:
    """The largest parts with their shares, in one line."""
    largest: Sequence[Mapping[str, Any]] = sorted(found["parts"], key=lambda part: -part["share"])[:most]
    return ", ".join(f"{part['name']} {percent(part['share'])}" for part in largest)


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"


def _figure(rate: float) -> str:
    """A rate with its prefix: `35 G`."""
    for size, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")):
        if rate >= size:
            return f"{rate / size:.3g} {prefix}"
    return f"{rate:.3g} "


def _sum(split: Mapping[str, float], parts: Sequence[str]) -> float:
    return sum(split.get(part, 0.0) for part in parts)
