"""The check of the data against defects planted in real sets, and against the sets as they are.

Data: 18 tables, 9 photo sets, 5 text sets and 11 series of the folder that THALWEG_DATA names; thresholds were chosen on the
first half of them (`--which developed`), figures are reported on the others (`--which held-out`). At most 3,000 rows of each.
Printed: for each defect the mean recall over sets (share of planted rows named; for defects of a column, share of plantings
found), the least of any set, and how many sets; with `--clean` every finding in the sets as they are.
Command: THALWEG_DATA=... python benchmarks/checks.py --which held-out --seeds 5
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence

import check_sets
import numpy as np
import torch
from check_plants import TABLES, Plant, Planted
from check_plants_rich import RICH

from thalweg.checks.check import check
from thalweg.checks.finding import Finding
from thalweg.checks.subject import Subject
from thalweg.core import registry
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import as_column, take

MOST_ROWS = 3000
PLANTS = TABLES | RICH


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--which", choices=["developed", "held-out"], default="held-out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", help="only these sets, or kinds of sets (table, photos, texts, series)")
    parser.add_argument("--defect", action="append", help="only defects whose name holds this")
    parser.add_argument("--clean", action="store_true", help="the sets as they are, all rows")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    sets = list(_sets(given.which, given.set))
    if given.clean:
        _clean(sets)
    else:
        _planted(sets, given.seeds, given.defect)


def _sets(which: str, only: Sequence[str] | None) -> Iterator[tuple[str, Examples]]:
    for load, names in (check_sets.DEVELOPED if which == "developed" else check_sets.HELD_OUT).items():
        for name in names:
            if not only or name in only or load.__name__ in only:
                yield load.__name__, load(name)


def _clean(sets: Sequence[tuple[str, Examples]]) -> None:
    for _, examples in sets:
        begun = time.monotonic()
        found = check(examples)
        print(f"{examples.name}: {len(examples):,} rows, {time.monotonic() - begun:.1f} s", flush=True)
        for one in found.findings:
            print(f"    {one.severity} {one.code}: {one.what}")


def _planted(sets: Sequence[tuple[str, Examples]], seeds: int, only: Sequence[str] | None) -> None:
    recalls: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for kind, examples in sets:
        for name, plant in PLANTS.items():
            if kind not in plant.kinds or (only and not any(word in name for word in only)):
                continue
            for seed in range(seeds):
                draw = np.random.default_rng(seed)
                planted = plant.spoil(_cut(examples, draw), plant.shares[seed % len(plant.shares)], draw)
                if planted is not None:
                    recalls[name][examples.name].append(_recall(planted, plant))
            if recalls[name][examples.name]:
                print(f"    {examples.name}, {name}: {np.mean(recalls[name][examples.name]):.2f}", flush=True)
    for name, by_set in recalls.items():
        means = [float(np.mean(values)) for values in by_set.values() if values]
        if means:
            print(f"{name:45s} mean {np.mean(means):.2f}   least {min(means):.2f}   of {len(means)} sets")


def _cut(examples: Examples, draw: np.random.Generator) -> Examples:
    rows = np.sort(draw.choice(len(examples), min(MOST_ROWS, len(examples)), replace=False))
    columns = {name: take(as_column(one), rows) for name, one in examples.columns.items()}
    return Examples(examples.name, columns, examples.kinds, examples.roles)


def _recall(planted: Planted, plant: Plant) -> float:
    subject = Subject.of(planted.examples, DataSettings())
    found: list[Finding] = [one for name in plant.detectors for one in registry.load("detector", name)(subject)]
    found = [
        one
        for one in found
        if one.code in plant.codes and (not planted.field or one.field in (planted.field, "") or planted.field in one.field)
    ]
    if not len(planted.rows):
        return float(bool(found))
    named = {int(row) for one in found for row in (one.rows if one.pairs is None else np.ravel(one.pairs))}
    return len(named & set(map(int, planted.rows))) / len(planted.rows)


if __name__ == "__main__":
    main()
