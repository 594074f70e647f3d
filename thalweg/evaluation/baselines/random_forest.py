"""Random forests: the mean of many trees, each grown on a draw of the rows and columns."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator

TREES = 200


@baseline("random-forest", tasks=("classification", "regression"), title="random forest", cost=6, power=1.15)
class RandomForest(Baseline):
    """Two hundred trees (Breiman 2001), with three least sizes of a leaf."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.ensemble import RandomForestClassifier as Forest

        return [(_named(n), Forest(TREES, min_samples_leaf=n, random_state=seed % 2**32)) for n in (1, 3, 10)]

    def regressors(self, seed: int) -> Candidates:
        from sklearn.ensemble import RandomForestRegressor as Forest

        return [
            (_named(n), Forest(TREES, min_samples_leaf=n, max_features=1 / 3, random_state=seed % 2**32)) for n in (1, 3, 10)
        ]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.forest import Forest

        return Forest


def _named(leaf: int) -> str:
    return f"leaves of {leaf} or more"
