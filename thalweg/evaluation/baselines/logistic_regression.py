"""Logistic regression: one linear score for each class."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator


@baseline("logistic-regression", tasks=("classification",), title="logistic regression", cost=2, power=1.0, sparse=True)
class LogisticRegression(Baseline):
    """Multinomial logistic regression, with three strengths of penalty."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.linear_model import LogisticRegression as Estimator

        return [(f"C {c:g}", Estimator(C=c, max_iter=300, random_state=seed % 2**32)) for c in (0.03, 0.3, 3.0)]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.linear import Linear

        return Linear
