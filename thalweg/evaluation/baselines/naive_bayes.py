"""Gaussian naive Bayes: every column normal in every class, none knowing of the others."""

from typing import Any

import numpy as np

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator


@baseline("naive-bayes", tasks=("classification",), title="naive Bayes", cost=1, power=1.0)
class NaiveBayes(Baseline):
    """Gaussian naive Bayes, with three shares of the largest variance added to all."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.naive_bayes import GaussianNB

        return [(f"smoothing {share:g}", _in_double(GaussianNB(var_smoothing=share))) for share in (1e-9, 1e-3, 1e-1)]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.naive_bayes import NaiveBayes

        return NaiveBayes


def _in_double(estimator: Any) -> Any:  # noqa: ANN401
    """Squares of float32 rows would be summed in float32, over all columns."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(FunctionTransformer(np.float64), estimator)
