"""What the recipes reach by the plan that a trial of speed finds, beside plain steps: the same seeds, one process each.

Command: THALWEG_DATA=... python benchmarks/recipes.py            (hours; `--only digits,adult --seeds 2` for a part)

Each training is a process of its own on cores of its own, plain and probed in turn; what has ended stands in
benchmarks/results/recipes.json, and a second call goes on from there. Threads are not given where the recipe leaves them open,
so that a trial may choose them too. Printed are both means, and the mean of the differences by seed with its 95 % interval.
Not here: ucr, which fits its heads in closed form, so that there is no step to speed up; depth, which reads losses of training.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "recipes.json"
SPEEDS = ("plain", "probe")
BY_SETTINGS = ("digits", "text_sst2", "text_mr", "text_trec", "text_sms", "mnist_lenet", "fashion_lenet", "fashion_residual")
TABLES = ("heart", "titanic", "pima", "german", "concrete", "insurance", "fraud", "telco", "compas", "bike", "credit", "bank")
OWN_TABLES = ("adult", "california")
PICTURES = ("pneumonia", "hymenoptera")
LONG = ("tiny_shakespeare",)
"""Takes most of an hour a training: only where it is asked for."""
USUAL = (*BY_SETTINGS, *TABLES, *OWN_TABLES, *PICTURES)


def learned(name: str, seed: int, folder: Path) -> tuple[float, str]:
    """Train a recipe from a seed by the speed that THALWEG_SPEED names; the value on its test part, and the plan."""
    measured = importlib.import_module("_measured")
    if name == "pneumonia":
        run = importlib.import_module(name).learned("plain", seed, folder)
    elif name == "hymenoptera":
        run = _photos(seed, folder)
    elif name in TABLES or name in OWN_TABLES:
        runs = importlib.import_module("_tables").nets(*_table(name), [seed])
        run = next(runs)  # whose folder is gone when `runs` is
    else:
        recipe = importlib.import_module(name)
        runs = measured.trained(recipe.SETTINGS, [seed])
        run = next(runs)
        return getattr(recipe, "spam_found", measured.value_on)(run, "test"), _plan(run)
    return measured.value_on(run, "test"), _plan(run)


def _photos(seed: int, folder: Path) -> Any:
    """The published net, fine-tuned."""
    from thalweg.core.run_folder import RunFolder
    from thalweg.training.fit import fit
    from thalweg.training.requested import merged, run_settings

    recipe = importlib.import_module("hymenoptera")
    settings = run_settings(merged(recipe.FINE_TUNED, {"seed": seed}))
    return fit(settings, given=recipe.photos(), folder=RunFolder.create(folder / "photos"))


def _table(name: str) -> tuple[Any, Mapping[str, Any]]:
    """A table's rows with the split that all seeds share, and what a run is told of them."""
    if name in TABLES:
        [one] = [one for one in importlib.import_module("twelve_tables").TABLES if one.name == name]
        return one.examples(), one.data_settings()
    from thalweg.data.settings import DataSettings

    recipe = importlib.import_module(name)
    with_split = importlib.import_module("_tables").with_split
    return with_split(getattr(recipe, name)(), DataSettings(**recipe.DATA)), recipe.DATA


def _plan(run: Any) -> str:
    """The plans of a run's stages in words."""
    from thalweg.engine.plan import SpeedPlan

    path = run.folder.path / "plan.json"
    plans = json.loads(path.read_text())["found"].get("speed", []) if path.exists() else []
    return "; ".join(SpeedPlan.model_validate(one).told for one in plans)


def child(name: str, seed: int, out: Path) -> None:
    """One training, whose value is written to a file."""
    sys.path[:0] = [str(HERE.parent / "recipes"), str(HERE.parent)]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        value, plan = learned(name, seed, Path(folder))
    out.write_text(json.dumps({"value": value, "plan": plan, "seconds": round(time.monotonic() - begun, 1)}))


def one(name: str, seed: int, speed: str, cores: Sequence[int]) -> dict[str, Any]:
    """One training in a process of its own; what it told, or why it failed."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "told.json"
        command = [sys.executable, __file__, "--child", name, "--first", str(seed), "--out", str(out)]
        variables = {**os.environ, "THALWEG_SPEED": speed, "THALWEG_HOME": folder, "PYTHONWARNINGS": "ignore"}
        done = subprocess.run(
            command,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
        )
        return json.loads(out.read_text()) if out.exists() else {"failed": (done.stdout + done.stderr).strip()[-400:]}


def all_of(given: argparse.Namespace) -> None:
    """Train what is not yet in the results, several at once, and save after each."""
    found = json.loads(given.out.read_text()) if given.out.exists() else {}
    names = given.only.split(",") if given.only else USUAL
    wanted = [
        (name, seed, speed)
        for seed in range(given.first, given.first + given.seeds)
        for name in names
        for speed in given.speeds.split(",")
    ]
    found = {
        name: {speed: dict(held.get(speed, {})) for speed in SPEEDS}
        for name, held in ({name: {} for name in names} | found).items()
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    saving = Lock()
    places: SimpleQueue[Sequence[int]] = SimpleQueue()
    cores = sorted(os.sched_getaffinity(0))
    for first in range(0, len(cores) - given.threads + 1, given.threads):
        places.put(cores[first : first + given.threads])

    def go_on(job: tuple[str, int, str]) -> None:
        name, seed, speed = job
        held = found[name][speed]
        if "value" in held.get(str(seed), {}):
            return
        place = places.get()
        try:
            told = one(name, seed, speed, place)
        finally:
            places.put(place)
        print(f"{name} seed {seed} {speed}: {json.dumps(told)}", file=sys.stderr, flush=True)
        with saving:
            held[str(seed)] = told
            given.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")

    with ThreadPoolExecutor(places.qsize()) as pool:
        list(pool.map(go_on, wanted))
    print("\n".join(lines(found)))


def lines(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    """A table in Markdown: both means over the seeds that both ended, and their difference."""
    from thalweg.evaluation.clopper_pearson import student

    yield "| recipe | seeds | plain | probed | difference by seed (95 %) | seconds, plain and probed | plans |"
    yield "|---|---|---|---|---|---|---|"
    for name, ways in sorted(found.items()):
        sides = [{seed: told for seed, told in ways.get(speed, {}).items() if "value" in told} for speed in SPEEDS]
        seeds = sorted(set(sides[0]) & set(sides[1]), key=int)
        if not seeds:
            continue
        plain, probed = ([side[seed]["value"] for seed in seeds] for side in sides)
        differences = [b - a for a, b in zip(plain, probed, strict=True)]
        half = student(len(seeds) - 1) * statistics.stdev(differences) / len(seeds) ** 0.5 if len(seeds) > 1 else float("nan")
        seconds = " ".join(f"{statistics.median(side[seed]['seconds'] for seed in seeds):.0f}" for side in sides)
        plans = ", ".join(sorted({sides[1][seed]["plan"] or "?" for seed in seeds}))
        means = f"{statistics.fmean(plain):.5g} | {statistics.fmean(probed):.5g}"
        yield f"| {name} | {len(seeds)} | {means} | {statistics.fmean(differences):+.3g} ± {half:.2g} | {seconds} | {plans} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help=f"recipes, parted by commas; {', '.join(LONG)} is left out unless named")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="cores of each training (default 1)")
    parser.add_argument("--speeds", default=",".join(SPEEDS), help="which of both sides, parted by commas")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.first, given.out)
    else:
        all_of(given)


if __name__ == "__main__":
    main()
