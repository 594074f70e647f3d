"""Verification: how fast the bytes of a package are held against its manifest, as before anything in it is read.

A folder with one file, written as packages are, is verified again and again; its bytes lie in the file cache, so that what is
timed is reading and SHA-256. With `--megabytes 400 --times 7` on one core of a 4-core AMD EPYC with SHA instructions,
others busy, three runs: medians 1.63, 1.71 and 1.69 GB/s, 1.49 to 1.73; on a core that was shared .75 to .79.

    python benchmarks/verification.py --megabytes 600 --times 7
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from thalweg.core.files import write_folder
from thalweg.core.manifest import verify_folder

FORMAT = "thalweg.benchmark"


def gigabytes_a_second(megabytes: int, times: int) -> list[float]:
    """Of each verification, ascending."""
    content = os.urandom(1_000_000) * megabytes
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "package"
        write_folder(folder, {"weights.safetensors": content}, format=FORMAT, version=1)
        seconds = [_seconds(folder) for _ in range(times)]
    return sorted(len(content) / 1e9 / one for one in seconds)


def _seconds(folder: Path) -> float:
    begun = time.perf_counter()
    verify_folder(folder, format=FORMAT, newest=1)
    return time.perf_counter() - begun


def main() -> None:
    """Print the median and the range."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--times", type=int, default=7)
    asked = parser.parse_args()
    found = gigabytes_a_second(asked.megabytes, asked.times)
    print(f"{statistics.median(found):.2f} GB/s ({found[0]:.2f} to {found[-1]:.2f}, {asked.times} times)")


if __name__ == "__main__":
    main()
