"""The check of the data against defects planted in real sets, and against the sets as they are.

Data: 20 tables, 9 photo sets, 5 text sets and 11 sets of series of the folder that THALWEG_DATA names. Thresholds were chosen
on those of `--which developed`, figures are reported on the others (`--which held-out`); of each at most 1,000 rows (2,000 to
find wrong labels), 400 photos. Each defect is planted in 1, 2, 3, 4 and 5 % of the rows, by seed; each set begins with another
seed, so that a single turn (`--seeds 1`) holds all five shares. Kept in a file, a line a planting: the share of the spoilt rows
that are named, of the named rows those that are spoilt, whether anything was found. A run that was stopped goes on.
Commands, on one thread:
    THALWEG_DATA=... python benchmarks/checks.py --which held-out --seeds 5 --kept plants.jsonl
    THALWEG_DATA=... python benchmarks/checks.py --which held-out --clean --kept clean.jsonl
    python benchmarks/checks.py --table --kept plants.jsonl
"""

import argparse
import dataclasses
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import check_sets
import numpy as np
import torch
from check_plants import TABLES, Plant, Planted
from check_plants_further import FURTHER
from check_plants_rich import RICH

from thalweg.checks.check import check
from thalweg.checks.finding import Finding
from thalweg.checks.subject import Subject
from thalweg.core import registry
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import as_column, take

MOST_PHOTOS = 400
PLANTS = TABLES | RICH


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--which", choices=["developed", "held-out"], default="held-out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", help="only these sets, or kinds of sets (table, photos, texts, series)")
    parser.add_argument("--defect", action="append", help="only defects whose name holds this")
    parser.add_argument("--further", action="store_true", help="the defects that were thought of later, in place of the others")
    parser.add_argument("--clean", action="store_true", help="the sets as they are, all rows")
    parser.add_argument("--table", action="store_true", help="show the kept figures as a Markdown table")
    parser.add_argument("--kept", type=Path, default=Path("plants.jsonl"))
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    plants = FURTHER if given.further else PLANTS
    if given.table:
        print("\n".join(_table(_lines(given.kept), plants)))
    elif given.clean:
        _clean(list(_sets(given.which, given.set)), given.kept)
    else:
        chosen = {name: one for name, one in plants.items() if not given.defect or any(word in name for word in given.defect)}
        _planted(list(_sets(given.which, given.set)), given.seeds, chosen, given.kept)


def _sets(which: str, only: Sequence[str] | None) -> Iterator[tuple[str, str, Examples]]:
    """The sets, kinds in turn, so that a run that is stopped has seen some of each."""
    groups = check_sets.DEVELOPED if which == "developed" else check_sets.HELD_OUT
    for place in range(max(map(len, groups.values()))):
        for load, names in groups.items():
            if place < len(names) and (not only or names[place] in only or load.__name__ in only):
                yield which, load.__name__, load(names[place])


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _write(file: Path, **line: Any) -> None:
    with file.open("a") as out:
        out.write(json.dumps(line) + "\n")


def _clean(sets: Sequence[tuple[str, str, Examples]], file: Path) -> None:
    done = {line["set"] for line in _lines(file)}
    for which, _, examples in sets:
        if examples.name in done:
            continue
        begun = time.process_time()
        found = check(examples)
        findings = [{"severity": one.severity, "code": one.code, "what": one.what, "why": one.why} for one in found.findings]
        seconds = round(time.process_time() - begun, 1)
        _write(file, which=which, set=examples.name, rows=len(examples), seconds=seconds, findings=findings)
        print(f"{examples.name}: {len(examples):,} rows, {seconds} s of processor", flush=True)
        for one in findings:
            print(f"    {one['severity']} {one['code']}: {one['what']}")


def _planted(sets: Sequence[tuple[str, str, Examples]], seeds: int, plants: Mapping[str, Plant], file: Path) -> None:
    done = {(line["set"], line["defect"], line["seed"]) for line in _lines(file)}
    for turn in range(seeds):
        for place, (which, kind, examples) in enumerate(sets):
            seed = (place + turn) % len(Plant.shares)  # one turn already holds all seeds, so all shares
            for name, plant in plants.items():
                wanted = kind in plant.kinds and examples.name not in plant.silent
                if not wanted or (examples.name, name, seed) in done:
                    continue
                begun = time.process_time()
                line = _once(examples, kind, plant, seed)
                seconds = round(time.process_time() - begun, 2)
                _write(file, which=which, set=examples.name, defect=name, seed=seed, seconds=seconds, **line)
                if line.get("named", 1) < 0.9:
                    print(f"seed {seed} {examples.name}, {name}: {line}", flush=True)
        print(f"turn {turn + 1} of {seeds} is done", flush=True)


def _once(examples: Examples, kind: str, plant: Plant, seed: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    share = plant.shares[seed % len(plant.shares)]
    cut = _cut(examples, draw, min(plant.rows, MOST_PHOTOS if kind == "photos" and not plant.column else plant.rows))
    planted = plant.spoil(cut, share, draw)
    if planted is None:
        return {}
    if plant.apart and seed % 2:
        planted = _apart(planted, len(cut))
    return {"share": share, **_judged(planted, plant)}


def _cut(examples: Examples, draw: np.random.Generator, most: int) -> Examples:
    rows = np.sort(draw.choice(len(examples), min(most, len(examples)), replace=False))
    columns = {name: take(as_column(one), rows) for name, one in examples.columns.items()}
    return Examples(examples.name, columns, examples.kinds, examples.roles)


def _apart(planted: Planted, count: int) -> Planted:
    given = {"train": torch.arange(count), "test": torch.arange(count, len(planted.examples))}
    return Planted(dataclasses.replace(planted.examples, given=given), planted.rows, planted.field)


def _judged(planted: Planted, plant: Plant) -> dict[str, Any]:
    """`named`: what counts as recall; `precision`: of the named rows those that are spoilt; `found`: any finding."""
    subject = Subject.of(planted.examples, DataSettings())
    found: list[Finding] = [one for name in plant.detectors for one in registry.load("detector", name)(subject)]
    found = [
        one
        for one in found
        if one.code.removesuffix("_ACROSS") in {code.removesuffix("_ACROSS") for code in plant.codes}
        and (not planted.field or planted.field in one.field or one.field == "")
    ]
    spoilt = set(map(int, planted.rows))
    named = {int(row) for one in found for row in (one.rows if one.pairs is None else np.ravel(one.pairs))}
    share = len(named & spoilt) / len(spoilt) if spoilt else float(bool(found))
    said: dict[str, Any] = {"found": bool(found), "rows": len(spoilt), "rows_named": round(share, 4), "field": planted.field}
    if spoilt and named and not any(one.pairs is not None for one in found):
        said["precision"] = round(len(named & spoilt) / len(named), 4)
    return {"named": float(bool(found)) if plant.column else round(share, 4), **said}


def _table(lines: list[dict[str, Any]], plants: Mapping[str, Plant]) -> list[str]:
    """A row for each defect: mean over sets of the means over seeds, the least, n, precision; and the mean of all defects."""
    table = ["| defect | recall | least set | sets, plantings | precision |", "|---|---|---|---|---|"]
    means = []
    for name, plant in plants.items():
        chosen = [line for line in lines if line["defect"] == name and "named" in line]
        if not chosen:
            continue
        recall = _by_set(chosen, "named")
        means.append(float(np.mean(list(recall.values()))))
        least = min(recall, key=lambda one: recall[one])
        shown = f"{_short(recall[least])} {least}" if recall[least] < 1 else ""
        counts = f"{len(recall)}, {len(chosen)}"
        both = plant.apart or plant.codes == ("LABELS_CONFLICT",)  # the row that was copied is named as well
        precision = "" if both else _mean(_by_set(chosen, "precision"))
        table.append(f"| {name} | {_mean(recall)} | {shown} | {counts} | {precision} |")
    return [*table, "", f"Mean of {len(means)} defects: {np.mean(means):.3f}"]


def _by_set(lines: list[dict[str, Any]], key: str) -> dict[str, float]:
    found = defaultdict(list)
    for line in lines:
        if key in line:
            found[line["set"]].append(line[key])
    return {name: float(np.mean(values)) for name, values in found.items()}


def _mean(by_set: dict[str, float]) -> str:
    return _short(float(np.mean(list(by_set.values())))) if by_set else ""


def _short(value: float) -> str:
    return "1.00" if value > 0.9949 else f"{value:.2f}".removeprefix("0")


if __name__ == "__main__":
    main()
