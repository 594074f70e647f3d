"""What training several seeds of a small net at once takes, against one after another.

Command: python benchmarks/several_seeds.py            (one thread; about a minute)
A thousand nets on exclusive or at once: python recipes/xor.py

Steps alone are taken as a run would take them: by the program that fits the net, where there is one. Rounds alternate, in one
process; printed are the medians of seconds a step of all seeds, and of their ratio with the range that holds it with
93 % confidence (order statistics of the rounds).
"""

import argparse
import dataclasses
import statistics
from collections.abc import Mapping
from typing import Any

import torch

from thalweg.core.talk import Talk
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.engine._several import together
from thalweg.rules._rule import Context
from thalweg.training.requested import run_settings
from thalweg.training.speed import probed
from thalweg.training.stage import Own, Stage, build_stage
from thalweg.training.together import Clocked, program_of

STEPS, ROUNDS = 50, 8
NETS: Mapping[str, dict[str, Any]] = {
    "digits, mlp as it is (photos are moved)": {"source": "digits", "model": "mlp"},
    "digits, mlp, photos as they are": {"source": "digits", "model": "mlp", "augment": []},
    "digits, one hidden layer of 8": {"source": "digits", "model": {"name": "mlp", "hidden": [8]}, "augment": []},
    "digits, mlp, a tenth dropped": {"source": "digits", "model": {"name": "mlp", "dropout": 0.1}, "augment": []},
    "iris, mlp": {"source": "iris", "model": "mlp"},
}


def stages(given: Mapping[str, Any], count: int) -> list[Stage]:
    """A stage for each seed, on the same rows."""
    settings = run_settings({"threads": 1, **given})
    dataset = encode(read(settings.source, settings.data), settings.data, seed=0)
    made = [build_stage(settings.model_copy(update={"seed": seed}), 0, dataset, Own(), Context()) for seed in range(count)]
    for one in made:
        one.begin()
    return made


def alone(given: Mapping[str, Any]) -> tuple[Stage, str]:
    """A stage set up as the probe finds best, and what that was."""
    [stage] = stages(given, 1)
    stage.plan = probed(stage, run_settings({"threads": 1, **given}), Talk())
    return stage, stage.plan.program or "the rule's own steps"


def ratios(given: Mapping[str, Any], count: int) -> str:
    """Seconds of a step of all seeds, at once and one after another, as a line."""
    some = stages(given, count)
    found = together([one.rule for one in some], list(range(count)), [one.batches for one in some])
    program = None if found is None else program_of(*found)
    if found is None or program is None:
        return "cannot learn at once"
    one, how = alone(given)
    at = dataclasses.replace(one.progress.position, total=1)
    clocks = Clocked(at, found[0], program.batches, program), Clocked(at, one.rule, one.batches, one.program())
    for clock in clocks:
        clock.take(STEPS)
    seconds = [(clocks[0].take(STEPS) / STEPS, count * clocks[1].take(STEPS) / STEPS) for _ in range(ROUNDS)]
    gains = sorted(b / a for a, b in seconds)
    first, second = (1e3 * statistics.median(column) for column in zip(*seconds, strict=True))
    low, high = gains[1], gains[-2]
    gain = f"{statistics.median(gains):.2f} times as fast ({low:.2f} to {high:.2f})"
    return f"{count} seeds: {first:.2f} ms a step of all at once, {second:.2f} ms one after another ({how}): {gain}"


def main() -> None:
    """Print a line for each net and number of seeds."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seeds", type=int, nargs="+", default=[3, 5, 10])
    counts = asked.parse_args().seeds
    torch.set_num_threads(1)
    for name, given in NETS.items():
        for count in counts:
            print(f"{name}; {ratios(given, count)}", flush=True)


if __name__ == "__main__":
    main()
