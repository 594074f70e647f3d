"""The training doctor's proof on the command line.

    python -m benchmarks.doctor development          nets, ways and kinds on which thresholds may be corrected
    python -m benchmarks.doctor reported             nets, ways and kinds on which nothing was corrected, and other seeds
    python -m benchmarks.doctor cost                 what watching costs a step
    python -m benchmarks.doctor show FILE            the tables of trials that were written before

`--seeds 0-2`, `--only dead-relu,lora` (faults, kinds or nets; `healthy`: nothing planted), `--write FILE` (a line of JSON for
each trial). One thread; a seed takes about two minutes of one core.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.doctor import cost, tables, trials
from benchmarks.doctor.trials import Trial

HEALTHY = "healthy"
"""What `--only` calls trainings in which nothing is planted."""


def main() -> None:
    given = _given()
    torch.set_num_threads(1)
    if given.command == "cost":
        print(cost.table(rounds=given.rounds))
        return
    if given.command == "show":
        found = [_read(line) for line in Path(given.file).read_text(encoding="utf-8").splitlines()]
    else:
        found = []
        for trial in _run(given):
            found.append(trial)
            _tell(trial, given.write)
    print(tables.of_faults(found), tables.of_health(found), tables.missed(found), sep="\n\n")


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["development", "reported", "cost", "show"])
    parser.add_argument("file", nargs="?", help="of trials, for `show`")
    parser.add_argument("--seeds", default="", help="such as 0-2 (development: 0-1; reported: 400)")
    parser.add_argument("--only", default="", help="faults, healthy kinds or nets, parted by commas")
    parser.add_argument("--write", help="a file to which a line of JSON is added for each trial")
    parser.add_argument("--rounds", type=int, default=20, help="of cost: how often each net is timed with and without")
    return parser.parse_args()


def _run(given: argparse.Namespace) -> Iterator[Trial]:
    reported = given.command == "reported"
    first, _, last = (given.seeds or ("400" if reported else "0-1")).partition("-")
    only = {name for name in given.only.split(",") if name}
    for seed in range(int(first), int(last or first) + 1):
        for subject in trials.subjects(reported=reported):
            wanted = trials.plants(reported=reported)
            if only and subject.name not in only:
                wanted = tuple(plant for plant in wanted if plant.fault in only)
            if wanted or HEALTHY in only:
                yield from trials.planted(subject, seed, wanted, reported=reported)
        for kind in trials.kinds(reported=reported):
            if not only or only & {kind.name, HEALTHY}:
                yield trials.well(kind, seed)


def _tell(trial: Trial, path: str | None) -> None:
    verdict = "right" if trial.right else "WRONG" if trial.there else "not there"
    planted = f"{trial.fault} ({trial.way})" if trial.fault else "healthy"
    print(
        f"{verdict:9} {trial.subject}, seed {trial.seed}, {planted}: {', '.join(trial.named) or 'nothing'}; {trial.evidence}",
        file=sys.stderr, flush=True,
    )  # fmt: skip
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(trial)) + "\n")


def _read(line: str) -> Trial:
    fields = json.loads(line)
    return Trial(**{**fields, "named": tuple(fields["named"])})


if __name__ == "__main__":
    main()
