"""Ants and bees, 244 photos to learn from: a linear probe of published weights, a net fine-tuned from them, one from scratch.

Data: hymenoptera, its folder `train` (244 photos; a part of it validates) to learn from, its folder `val` (153) as the test.
Weights: mobilenet-v2 of the catalogue, ImageNet-1k; a file that lies in THALWEG_DATA, or fetched by `thalweg weights get`.
Hardware: AMD EPYC, no AVX-512, no bfloat16, one thread of a shared machine.
Seeds: 0 to 2.
Figure: frozen: accuracy .9368 +- .0248, mean and 95 % interval over the seeds (.9346, .9477, .9281), 31 s each; the other ways
        are not measured yet.
Command: THALWEG_DATA=... python recipes/hymenoptera.py --way frozen --seeds 3
"""

import argparse
import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from _measured import mean_and_half_width, value_on

from thalweg.core.run_folder import RunFolder
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.training.fit import fit
from thalweg.training.requested import merged, run_settings

FINE_TUNED = {
    "weights": "mobilenet-v2",
    "augment": ["flip", "resized-crop"],
    "stages": [
        {"rule": {"freeze": ["trunk"], "epochs": 3, "rate": 0.003}},
        {"rule": {"freeze": [], "epochs": 14, "rate": 0.0001}},
    ],
    "rule": {"freeze_statistics": True, "batch_size": 32, "optimizer": {"name": "adamw"}, "schedule": {"name": "cosine"}},
    "data": {"split": "0.88,0.1,0.019,0.001"},
}
FROZEN = {
    "weights": "mobilenet-v2",
    "augment": [{"flip": {"probability": 1}}],
    "rule": {"name": "linear-probe", "l2": 0.02, "steps": 2},
    "data": {"split": "0.88,0.1,0.019,0.001"},
    "stopping": {"keep": "last"},
    "evaluate_every": 1000,
}
SCRATCH = {
    "data": {"image_size": 112, "split": "0.78,0.2,0.019,0.001"},
    "augment": ["flip", "resized-crop"],
    "model": {"name": "residual", "settings": {"depths": [1, 1, 1, 1], "widths": [32, 64, 128, 256], "stem": "halved"}},
    "rule": {"epochs": 60, "batch_size": 32, "optimizer": {"name": "muon", "rate": 0.03, "rest_rate": 0.003}},
}
WAYS = {"frozen": FROZEN, "fine-tuned": FINE_TUNED, "scratch": SCRATCH}


def photos() -> Examples:
    """The photos, those of the folder `val` as the test part."""
    examples = read(str(Path(os.environ["THALWEG_DATA"]) / "hymenoptera"))
    assert isinstance(examples, Examples)
    given = {"train": examples.given["train"], "test": examples.given["validation"]}
    return dataclasses.replace(examples, given=given)


def learned(way: str, seed: int, folder: Path, *, part: str) -> float:
    """The accuracy of one training on a part of the data."""
    settings: dict[str, Any] = merged(WAYS[way], {"seed": seed, "threads": torch.get_num_threads()})
    run = fit(run_settings(settings), given=photos(), folder=RunFolder.create(folder / f"{way}{seed}"))
    value = value_on(run, part)
    print(f"{way} seed {seed}  {part} {value:.4f}  {run.seconds:.0f} s", flush=True)
    return value


def main() -> None:
    """One way, from the seeds asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", choices=list(WAYS), default="frozen")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        values = [learned(given.way, seed, Path(folder), part=given.part) for seed in range(given.seeds)]
    mean, half = mean_and_half_width(values)
    print(f"{given.way}, {given.part}: mean {mean:.4f} ± {half:.4f} (95 % interval over {len(values)} seeds)")


if __name__ == "__main__":
    main()
