"""Logistic regression on the features of a published net that is left as it is: what photos are worth without training one."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates


@baseline(
    "frozen-features",
    tasks=("classification",),
    title="logistic regression on frozen MobileNetV2",
    cost=2.5,
    power=1.0,
    inputs=("image",),
    weights="mobilenet-v2",
    paper="Razavian et al. 2014, arXiv:1403.6382",
)
class FrozenFeatures(Baseline):
    """Where the weights are on this machine; it is not shipped, since it would need them wherever it goes."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.linear_model import LogisticRegression as Estimator

        return [(f"C {c:g}", Estimator(C=c, max_iter=300, random_state=seed % 2**32)) for c in (0.003, 0.03, 0.3)]
