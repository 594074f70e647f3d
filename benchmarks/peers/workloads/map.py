"""A self-organising map of 10 x 10 units over handwritten digits of 8 x 8 pixels, each standardised; ten epochs."""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.job import Raw, Rows, Workload

COUNTS = {"train": 1_500, "validation": 48, "calibration": 16, "test": 233}
SETTINGS = {"radius": 2.0, "last_radius": 0.25, "last_rate": 0.1}
"""thalweg's: from a plane that already lies right, neighbours two units away, then as near as MiniSom's third of a unit."""


class DigitsMap(Workload):
    """1,500 digits, which ship with scikit-learn."""

    title = "self-organising map 10 x 10 on digits"
    unit = "rows"
    batch = 64
    epochs, steady_epochs = 10, 10
    grid = (10, 10)
    score = "quantisation error"
    lower = True

    def read(self, folder: Path | None) -> Raw:
        from sklearn.datasets import load_digits

        pixels = load_digits().data
        return {"pixels": pixels[np.random.default_rng(0).permutation(len(pixels))]}

    def rows(self, raw: Raw, part: str) -> Rows:
        pixels, learned = raw["pixels"], raw["pixels"][: COUNTS["train"]]
        deviation = learned.std(0)
        x = (pixels - learned.mean(0)) / np.where(deviation > 0, deviation, 1)
        chosen = x[: COUNTS["train"]] if part == "train" else x[-COUNTS["test"] :]
        return Rows((chosen,), np.zeros(len(chosen), np.int64))

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        rows, columns = self.grid or (0, 0)
        data = {"pixels": raw["pixels"], "split": np.repeat(list(COUNTS), list(COUNTS.values()))}
        model = {"name": "map", "rows": rows, "columns": columns}
        vectors = {"data": {"fields": {"pixels": "vector"}}}
        return {"data": data, "model": model, "rule": {"name": "competitive", **SETTINGS}, "settings": vectors}


WORKLOAD = DigitsMap()
