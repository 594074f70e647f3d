"""Ridge regression on MiniRocket's features, as in its paper: the classical model to beat on series."""

from typing import Self

import numpy as np
import torch

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.fields.ports import Port
from thalweg.layers.random_kernels import RandomKernels
from thalweg.layers.start import Start
from thalweg.rules._closed_form import PENALTIES, ridge

ROWS = 64
"""Rows that are read at once."""


@baseline(
    "minirocket",
    tasks=("classification",),
    title="MiniRocket with ridge",
    cost=4.5,
    power=1.5,
    gives="decisions",
    inputs=("series",),
    paper="Dempster et al. 2021, arXiv:2012.08791",
)
class MiniRocket(Baseline):
    """Shares of steps at which fixed kernels exceed biases from training rows; the ridge penalty by leaving rows out."""

    def classifiers(self, seed: int) -> Candidates:
        return [(f"{count:,} features", RidgeOnShares(count, seed)) for count in (9_996, 4_956)]


class RidgeOnShares:
    """The estimator, in scikit-learn's words, of series (N, C, T) whose padding is NaN."""

    def __init__(self, features: int, seed: int) -> None:
        self.features, self.seed = features, seed

    def fit(self, rows: np.ndarray, target: np.ndarray) -> Self:
        """Take the biases from the rows, then solve."""
        self.classes_, codes = np.unique(target, return_inverse=True)
        x, mask = _with_mask(rows)
        self.port = Port("series", "series", (rows.shape[1], None), masked=True, longest=rows.shape[2])
        self.kernels = RandomKernels(self.port, features=self.features)
        with torch.no_grad():
            generator = torch.Generator().manual_seed(self.seed % 2**63)
            self.kernels.start(Start([{"series": x, "series_mask": mask}], None, generator))
            signs = 2.0 * torch.nn.functional.one_hot(torch.from_numpy(codes), len(self.classes_)).float() - 1.0
            self.solved = ridge(self._read(rows), signs, _squared_error, penalties=PENALTIES)
        return self

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """(n, classes)."""
        return (self._read(rows) @ self.solved.weight.T + self.solved.bias).numpy()

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """(n,) classes."""
        found: np.ndarray = self.classes_[self.decision_function(rows).argmax(axis=1)]
        return found

    def _read(self, rows: np.ndarray) -> torch.Tensor:
        x, mask = _with_mask(rows)
        return torch.cat([self.kernels(*pair) for pair in zip(x.split(ROWS), mask.split(ROWS), strict=True)])


def _with_mask(rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    there = ~np.isnan(rows).all(axis=1)
    return torch.from_numpy(np.nan_to_num(rows)), torch.from_numpy(there)


def _squared_error(predicted: torch.Tensor, target: torch.Tensor) -> float:
    return float((predicted - target).square().mean())
