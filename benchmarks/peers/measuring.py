"""Which processes are started, in which order, and what each of them told.

All tools of a workload take turns, round after round, so that what else the machine does falls on all alike. A tool that builds
something first (compiles, probes) begins each round without what it kept ("cold") and then with it ("warm"). Every setting
takes part in the first round; in the others the usual one of each tool and the one in which it was fastest.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.peers.job import HERE, Tool, Variant, Workload, lacks, names, tool, workload

LIMIT_SECONDS = 400
"""A process that takes longer is ended, and told."""


@dataclass(frozen=True)
class Turn:
    """One process that is to be started.

    Attributes:
        kind: what is measured: "rate" of epochs, time of the "whole" process, or "both".
        cache: "cold" and "warm" where the variant builds something, else empty.
    """

    workload: str
    tool: str
    variant: str
    kind: str
    cache: str = ""


@dataclass(frozen=True)
class Found:
    """What a process told.

    Attributes:
        round: from 0.
        seconds: wall time from its start to its end, measured from outside.
        rates: examples per second of each epoch after the first.
        score: on held-out rows; None where it was not measured.
        failed: the end of what it said where it failed; empty where it did not.
    """

    turn: Turn
    round: int
    seconds: float
    rates: Sequence[float]
    score: float | None
    failed: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self.turn), **{name: value for name, value in asdict(self).items() if name != "turn"}}


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        threads: cores that each process may use, the same ones.
        data: the folder that THALWEG_DATA names, if any.
        scratch: a folder for data, caches and answers.
        lean: variants beside the usual ones are left out.
    """

    workloads: Sequence[str]
    tools: Sequence[str]
    rounds: int
    threads: int
    data: Path | None
    scratch: Path
    lean: bool = False


def excuse(one: Tool, work: Workload) -> str:
    """Why a tool is not measured on a workload; empty where it is."""
    return lacks(one) or one.refuses(work)


def turns(plan: Plan, name: str, kept: Collection[tuple[str, str]] | None = None) -> Iterator[Turn]:
    """The processes of one round of a workload: whole trainings cold and warm, then rates.

    Args:
        kept: tools and variants that take part; None, in the first round: all.
    """
    work, built = workload(name), set[str]()
    for called in plan.tools:
        one = tool(called)
        if excuse(one, work):
            continue
        for settings in _variants(one, plan):
            if kept is not None and (called, settings.name) not in kept:
                continue
            together = not one.apart and work.epochs == work.steady_epochs
            caches = ["cold", "warm"] if settings.builds else [""]
            if settings.shares and (kept is not None or settings.shares in built):
                caches = ["warm"]  # what takes a minute to build is built once
            built.add(settings.shares)
            for cache in caches:
                kind = "both" if together and cache != "cold" else "whole"
                yield Turn(name, called, settings.name, kind, cache)
            if not together:
                yield Turn(name, called, settings.name, "rate", caches[-1])


def fastest(found: Sequence[Found], name: str) -> set[tuple[str, str]]:
    """Of each tool the usual variant and the one whose epochs were fastest on a workload."""
    rates: dict[str, dict[str, float]] = {}
    for one in found:
        if one.turn.workload == name and one.rates:
            rates.setdefault(one.turn.tool, {})[one.turn.variant] = median(one.rates)
    usual = {(called, one.name) for called in rates for one in tool(called).variants if one.usual}
    return usual | {(called, max(of, key=of.__getitem__)) for called, of in rates.items()}


def _variants(one: Tool, plan: Plan) -> Sequence[Variant]:
    has = machine_has()
    fit = [settings for settings in one.variants if not settings.needs or settings.needs in has]
    return [settings for settings in fit if settings.usual or not plan.lean]


def machine_has() -> set[str]:
    """What variants may need: `bfloat16` instructions."""
    told = Path("/proc/cpuinfo")
    flags = set(told.read_text().split()) if told.exists() else set()
    return {"bfloat16"} if flags & {"avx512_bf16", "amx_bf16"} else set()


def measure(plan: Plan) -> Iterator[Found]:
    """All rounds of all workloads, one process after another, each as it ends."""
    cores = sorted(os.sched_getaffinity(0))[: plan.threads]
    os.sched_setaffinity(0, cores)  # of this process and of those that it starts
    for name in plan.workloads:
        data, first = _saved(plan, name), list[Found]()
        for number in range(plan.rounds):
            for turn in turns(plan, name, fastest(first, name) if number else None):
                found = _started(turn, number, plan, data)
                first += [] if number else [found]
                yield found


def _saved(plan: Plan, name: str) -> Path:
    """A workload's data in one file, for all of its processes."""
    path = plan.scratch / f"{name}.npz"
    np.savez(path, **dict(workload(name).read(plan.data)))
    return path


def _started(turn: Turn, number: int, plan: Plan, data: Path) -> Found:
    """Start a process, wait for its end, and read what it wrote."""
    work, one, answer = workload(turn.workload), tool(turn.tool), plan.scratch / "answer.json"
    cache = plan.scratch / "caches" / turn.workload / (one.variant(turn.variant).shares or f"{turn.tool}-{turn.variant}")
    if turn.cache == "cold":
        shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    answer.unlink(missing_ok=True)
    epochs = work.epochs if turn.kind != "rate" else work.steady_epochs
    command = [sys.executable, "-m", "benchmarks.peers.child", turn.tool, turn.workload, turn.variant]
    command += ["--data", str(data), "--out", str(answer), "--epochs", str(epochs), "--threads", str(plan.threads)]
    command += ["--seed", str(number)] + (["--whole"] if turn.kind == "whole" else [])
    begun = time.perf_counter()
    said = _run(command, _environment(plan.threads) | one.environment(turn.variant, cache))
    seconds = time.perf_counter() - begun
    if not answer.exists():
        return Found(turn, number, seconds, (), None, said[-400:] or "ended without a word")
    told = json.loads(answer.read_text())
    return Found(turn, number, seconds, told["rates"], told["score"])


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command to its end; gives what it said on its way."""
    try:
        done = subprocess.run(
            command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {LIMIT_SECONDS} seconds"
    return (done.stdout + done.stderr).strip()


def _environment(threads: int) -> dict[str, str]:
    """This process's, with the threads that libraries take from it."""
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return {**os.environ, **counts, "PYTHONWARNINGS": "ignore"}


def all_names(folder: str, only: str | None) -> list[str]:
    """Names from a list parted by commas, or all that there are a file for.

    Raises:
        SystemExit: one of them is unknown.
    """
    known = names(folder)
    chosen = [one.strip() for one in only.split(",") if one.strip()] if only else known
    unknown = [one for one in chosen if one not in known]
    if unknown:
        raise SystemExit(f"none of the {folder} is called {', '.join(unknown)}; there are {', '.join(known)}")
    return chosen
