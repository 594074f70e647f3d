"""Start-up: seconds from pressing return to `import thalweg`, the help, the first epoch of `thalweg train digits` and its end.

Each is a process of its own on the cores asked for, all of them in turn and then again, so that what else the machine does
falls on all alike; medians are told. The first round is left out: it fills the file cache. `--cold` asks the system to forget
the files of the environment before every process (what other programs have open stays), and then no round is left out.

    python benchmarks/start_up.py --times 5
    python benchmarks/start_up.py --times 3 --cold
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

THALWEG = [sys.executable, "-m", "thalweg"]
BOUNDS = {"import thalweg": 0.1, "thalweg --help": 0.3, "first epoch of thalweg train digits": 5.0}
"""Seconds that each may take."""


def process(command: Sequence[str], *, cores: int) -> float:
    """Seconds from the start of a process to its end."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=_on(cores))
    return time.perf_counter() - begun


def training(*, cores: int, whole: bool) -> dict[str, float]:
    """Seconds to the first epoch's line in `metrics.jsonl`, and to the end with comparison and report, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        run = subprocess.Popen(
            [*THALWEG, "train", "digits"],
            cwd=folder,
            env={**os.environ, "THALWEG_HOME": str(Path(folder) / "home")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_on(cores),
        )
        metrics = Path(folder) / "runs" / "digits" / "metrics.jsonl"
        while run.poll() is None and not (metrics.exists() and metrics.stat().st_size):
            time.sleep(0.005)
        found = {"first epoch of thalweg train digits": time.perf_counter() - begun}
        if not whole:
            run.terminate()
        assert run.wait() == 0 or not whole, "the training failed"
        return found | ({"thalweg train digits, all of it": time.perf_counter() - begun} if whole else {})


def _on(cores: int) -> Callable[[], None]:
    """Keeps a new process on the first cores."""
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    return lambda: os.sched_setaffinity(0, chosen)


def forget_files() -> None:
    """Ask the system to drop the environment's files from its cache."""
    for folder in {Path(sys.prefix), Path(sys.base_prefix) / "lib"}:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measured(*, cores: int, times: int, cold: bool, whole: bool) -> dict[str, list[float]]:
    """Seconds of each, once a round."""
    found: dict[str, list[float]] = {}
    for index in range(times if cold else times + 1):
        one: dict[str, float] = {}
        for name, command in {
            "python -c pass": [sys.executable, "-c", "pass"],
            "import thalweg": [sys.executable, "-c", "import thalweg"],
            "thalweg --help": [*THALWEG, "--help"],
            "import torch": [sys.executable, "-c", "import torch"],
        }.items():
            forget_files() if cold else None
            one[name] = process(command, cores=cores)
        forget_files() if cold else None
        one |= training(cores=cores, whole=whole)
        if cold or index:
            for name, seconds in one.items():
                found.setdefault(name, []).append(seconds)
    return found


def table(found: Mapping[str, Sequence[float]]) -> list[str]:
    """Medians with the fastest and the slowest, as Markdown."""
    lines = ["| | median | fastest | slowest | may take |", "|---|---|---|---|---|"]
    for name, seconds in found.items():
        bound = f"{BOUNDS[name]:g} s" if name in BOUNDS else ""
        lines.append(f"| {name} | {statistics.median(seconds):.2f} s | {min(seconds):.2f} | {max(seconds):.2f} | {bound} |")
    return lines


def conditions(*, cores: int) -> dict[str, object]:
    """Machine, versions and commit."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    versions = {name: metadata.version(name) for name in ("thalweg", "torch", "numpy", "scikit-learn", "scipy")}
    named = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    machine = f"{(named or [platform.processor()])[0]}, {os.cpu_count()} cores"
    stated = {"machine": machine, "cores used": cores, "commit": commit.stdout.strip()}
    return {**stated, "python": platform.python_version(), **versions}


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--first", action="store_true", help="end trainings after their first epoch")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/start_up.json"))
    given = parser.parse_args()
    stated = conditions(cores=given.cores)
    print(", ".join(f"{name} {value}" for name, value in stated.items()))
    found = measured(cores=given.cores, times=given.times, cold=given.cold, whole=not given.first)
    print("\n".join(table(found)))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({**stated, "cold": given.cold, "seconds": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
