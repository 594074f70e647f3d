"""Exclusive or by a thousand nets at once: how many of them solve it, with four hidden units and with two.

Data: the four cases; a net has solved them when each answer is nearer to the right one than to the wrong one.
Hardware: AMD EPYC, 1 thread, no AVX-512, no bfloat16.
Seeds: 100, 101 and 102, a thousand nets from each; settings were chosen on seeds 0 to 2.
Figure: 2-4-1: 3,000 of 3,000 nets (95 % interval .9988 to 1); 2-2-1: 3,000 of 3,000; 1.8 s of processor for a thousand.
Command: python recipes/xor.py

The nets lie in one stack of weights and share one backward pass (rule `members`); each learns as it would alone.
"""

import torch
from _measured import trained

from thalweg.evaluation.clopper_pearson import clopper_pearson
from thalweg.training.fit import Fitted

MEMBERS = 1000
SETTINGS = {
    "source": "xor",
    "threads": 1,
    "model": {"name": "mlp", "settings": {"hidden": [4], "activation": "silu"}},
    "rule": {
        "name": "members",
        "members": MEMBERS,
        "batch_size": 4,
        "steps": 400,
        "optimizer": "adam",
        "rate": 0.1,
        "schedule": "constant",
    },
    "evaluate_every": 400,
    "stopping": {"keep": "last"},
}


def solved(run: Fitted) -> int:
    """How many members answer all four cases on the right side."""
    cases = next(iter(run.dataset.batches("test", size=4)))
    with torch.no_grad():
        answers = run.package.model.each(numbers=cases["numbers"])[..., 0]  # (M, 4), standardised: the cases lie at -1 and 1
    return int(((answers > 0) == (cases["answer"][:, 0] > 0)).all(1).sum())


def main(seeds: range = range(100, 103)) -> dict[int, list[int]]:
    """Train, print, and return the solved nets of each seed by the number of hidden units."""
    counts: dict[int, list[int]] = {}
    for hidden in (4, 2):
        model = {"name": "mlp", "settings": {"hidden": [hidden], "activation": "silu"}}
        counts[hidden] = []
        for run in trained({**SETTINGS, "model": model}, seeds):
            counts[hidden].append(solved(run))
            print(f"2-{hidden}-1, seed {run.settings.seed}: {counts[hidden][-1]} of {MEMBERS}, {run.seconds:.2f} s", flush=True)
        total, whole = sum(counts[hidden]), MEMBERS * len(counts[hidden])
        low, high = clopper_pearson(total, whole)
        print(f"2-{hidden}-1: {total} of {whole}, 95 % interval {low:.4f} to {high:.4f}")
    return counts


if __name__ == "__main__":
    main()
