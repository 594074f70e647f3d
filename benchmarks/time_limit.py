"""How near trainings end to their time limit: digits, a table, texts, and LeNet-5 on Fashion-MNIST.

Each is `fit` as `thalweg train DATA --time-limit T` calls it: from the first reading of the data to the package, the check of
the data included; comparing and reporting come after and are left out. Nothing but the clock is asked of it, so that the test
parts are not read. Seconds mean nothing while other programs want the same cores.

    THALWEG_DATA=... python benchmarks/time_limit.py --threads 2 --times 3
    THALWEG_DATA=... python benchmarks/time_limit.py --threads 2 --only lenet5 --limit 120s
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from thalweg.checks.ahead import examination
from thalweg.core.run_folder import RunFolder
from thalweg.training.duration import seconds_of
from thalweg.training.fit import fit
from thalweg.training.requested import merged, run_settings

TRIED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "digits": ("30s", {"source": "digits"}),
    "table": ("60s", {"source": "{data}/tabular/bank_marketing.csv.gz"}),
    "text": ("60s", {"source": "trec"}),
    "lenet5": ("120s", {"source": "fashion-mnist", "model": "lenet5"}),
}
"""Each with its limit; a run on the whole of the data, by the defaults."""


def took(name: str, limit: str, *, threads: int, seed: int) -> tuple[float, Sequence[Mapping[str, int]]]:
    """Seconds from reading to the package, and the plans that were made on the way."""
    told = TRIED[name][1]
    source = str(told["source"]).format(data=os.environ.get("THALWEG_DATA", "."))
    asked = merged(told, {"source": source, "time_limit": limit, "threads": threads, "seed": seed, "compare": False})
    settings = run_settings(asked)
    with tempfile.TemporaryDirectory() as folder:
        run = fit(settings, folder=RunFolder.create(Path(folder) / "run"), examine=examination(settings))
        plan = json.loads(run.folder.plan.read_text(encoding="utf-8"))
    return float(plan["seconds"]), plan["lengths"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(TRIED), help="what to train; may be repeated")
    parser.add_argument("--limit", help="for all, in the place of each one's own")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=1, help="trainings of each, from seeds 0, 1, ...")
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {given.threads} threads")
    print("| data | limit | took | off by | plans |\n|---|---|---|---|---|")
    worst = 0.0
    for name in given.only or TRIED:
        limit = given.limit or TRIED[name][0]
        for seed in range(given.times):
            seconds, lengths = took(name, limit, threads=given.threads, seed=seed)
            off = seconds / seconds_of(limit) - 1
            worst = max(worst, abs(off))
            totals = " → ".join(f"{one['total']:,}" for one in lengths)
            print(f"| {name} | {limit} | {seconds:.1f} s | {100 * off:+.1f} % | {totals} steps |", flush=True)
    print(f"\nthe worst of them is off by {100 * worst:.1f} %")


if __name__ == "__main__":
    main()
