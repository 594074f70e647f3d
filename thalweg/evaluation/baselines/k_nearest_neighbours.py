"""k nearest neighbours: what the most similar training rows say."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator


@baseline(
    "k-nearest-neighbours", tasks=("classification", "regression"), title="k nearest neighbours", cost=3, power=1.0, sparse=True
)
class NearestNeighbours(Baseline):
    """The vote or the mean of the nearest rows in Euclidean distance, for three numbers of them."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.neighbors import KNeighborsClassifier

        return [(f"k {k}", KNeighborsClassifier(k)) for k in (1, 5, 15)]

    def regressors(self, seed: int) -> Candidates:
        from sklearn.neighbors import KNeighborsRegressor

        return [(f"k {k}", KNeighborsRegressor(k, weights="distance")) for k in (3, 8, 20)]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.neighbours import Neighbours

        return Neighbours
