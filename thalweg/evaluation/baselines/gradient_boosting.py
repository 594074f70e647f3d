"""Gradient boosting of trees on binned columns: each tree mends what those before it got wrong."""

from typing import Any

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator

SHAPES = {
    "100 trees": (0.1, 100, 31),
    "150 small trees": (0.1, 150, 8),
    "200 slow trees of 4 leaves": (0.05, 200, 4),
    "500 slow small trees": (0.05, 500, 8),
    "slow trees until a tenth of the rows is told no better": (0.05, 1500, 31),
}
"""Rate, trees and leaves of each candidate, the one that takes longest last; above `LONGEST` trees the growing stops early."""
LONGEST, PATIENCE = 500, 30


@baseline("gradient-boosting", tasks=("classification", "regression"), title="gradient boosting", cost=7, power=0.8)
class GradientBoosting(Baseline):
    """Histogram gradient boosting (Friedman 2001; Ke et al. 2017), in five shapes."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return [(name, HistGradientBoostingClassifier(**_shaped(name, seed))) for name in SHAPES]

    def regressors(self, seed: int) -> Candidates:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return [(name, HistGradientBoostingRegressor(**_shaped(name, seed))) for name in SHAPES]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.boosting import Boosting

        return Boosting


def _shaped(name: str, seed: int) -> dict[str, Any]:
    rate, trees, leaves = SHAPES[name]
    ending = {"early_stopping": trees > LONGEST, "validation_fraction": 0.1, "n_iter_no_change": PATIENCE}
    return {"learning_rate": rate, "max_iter": trees, "max_leaf_nodes": leaves, "random_state": seed % 2**32, **ending}
