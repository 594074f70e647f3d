"""What training several seeds of a small net at once takes, against one after another; and ensembles, against their rule.

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
from thalweg.data.batches import StoredBatches
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.engine._several import MOST_AHEAD, together
from thalweg.engine.members_chain import MembersChain
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
    at_once, alone_ = Clocked(at, found[0], program.batches, program), Clocked(at, one.rule, one.batches, one.program())
    return f"{count} seeds for one after another ({how}): {in_turn(at_once, alone_, share=count)}"


def ensembles(given: Mapping[str, Any], count: int) -> str:
    """Seconds of a step of an ensemble (rule `members`), by its program and by the rule, as a line."""
    [ours], [rule] = (stages({**given, "rule": {"name": "members", "members": count}}, 1) for _ in range(2))
    for one in (ours, rule):
        assert isinstance(one.batches, StoredBatches)
        one.batches.finish_ahead(MOST_AHEAD)
    program = MembersChain.of(ours.rule, ours.batches)
    if program is None:
        return "no program fits"
    at = dataclasses.replace(ours.progress.position, total=1)
    return (
        f"{count} members: {in_turn(Clocked(at, ours.rule, ours.batches, program), Clocked(at, rule.rule, rule.batches, None))}"
    )


def in_turn(one: Clocked, other: Clocked, share: int = 1) -> str:
    """Milliseconds of a step of each, and how many times as fast the first is as so many of the other."""
    for clock in (one, other):
        clock.take(STEPS)
    seconds = [(one.take(STEPS) / STEPS, share * other.take(STEPS) / STEPS) for _ in range(ROUNDS)]
    gains = sorted(b / a for a, b in seconds)
    first, second = (1e3 * statistics.median(column) for column in zip(*seconds, strict=True))
    middle = statistics.median(gains)
    return f"{first:.2f} ms a step for {second:.2f}: {middle:.2f} times as fast ({gains[1]:.2f} to {gains[-2]:.2f})"


def main() -> None:
    """Print a line for each net and number of seeds, and for ensembles."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--seeds", type=int, nargs="*", default=[3, 5, 10])
    asked.add_argument("--members", type=int, nargs="*", default=[5, 16])
    counts = asked.parse_args()
    torch.set_num_threads(1)
    for name, given in NETS.items():
        for count in counts.seeds:
            print(f"{name}; {ratios(given, count)}", flush=True)
    for name in ("digits, mlp, photos as they are", "iris, mlp"):
        for count in counts.members:
            print(f"{name}; {ensembles(NETS[name], count)}", flush=True)


if __name__ == "__main__":
    main()
