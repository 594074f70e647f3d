"""Ridge regression: one linear score, small weights preferred."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator


@baseline("ridge", tasks=("regression",), title="ridge regression", cost=1, power=1.0, sparse=True)
class Ridge(Baseline):
    """Ridge regression (Hoerl & Kennard 1970), with three strengths of penalty."""

    def regressors(self, seed: int) -> Candidates:
        from sklearn.linear_model import Ridge as Estimator

        return [(f"alpha {alpha:g}", Estimator(alpha=alpha, random_state=seed % 2**32)) for alpha in (0.1, 10.0, 300.0)]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.linear import Linear

        return Linear
