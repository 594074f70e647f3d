"""One measurement in a process of its own, which `measuring` starts: python -m benchmarks.peers.child TOOL WORKLOAD VARIANT."""

import argparse
import json
import math
import platform
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from benchmarks.peers.job import Clock, Job, tool, workload

DISTRIBUTIONS = (
    "thalweg",
    "torch",
    "numpy",
    "scikit-learn",
    "lightning",
    "skorch",
    "keras",
    "jax",
    "transformers",
    "accelerate",
)


def measured(given: argparse.Namespace, scratch: Path) -> dict[str, object]:
    """Train as asked; when each epoch ended, its rows per second, and the score."""
    work, clock = workload(given.workload), Clock()
    with np.load(given.data) as stored:
        raw = {name: stored[name] for name in stored.files}
    job = Job(work, raw, given.variant, given.epochs, given.threads, given.seed, given.whole, scratch)
    score = tool(given.tool).train(job, clock)
    rates = clock.rates(len(work.rows(raw, "train")))
    return {"rates": rates, "score": None if math.isnan(score) else score}


def versions() -> dict[str, str]:
    """What is installed, by name."""
    found = {"python": platform.python_version()}
    for name in (*DISTRIBUTIONS, "minisom", "fastai"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("tool", "workload", "variant"):
        parser.add_argument(name)
    parser.add_argument("--data", type=Path, required=True, help="the workload's data, as `measuring` saved them")
    parser.add_argument("--out", type=Path, required=True, help="where to write what was found")
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--whole", action="store_true", help="the time of the whole process counts")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measured(given, Path(scratch))
    given.out.write_text(json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
