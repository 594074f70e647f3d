"""The support vector machine with a Gaussian kernel."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator

COSTS = (0.3, 3.0, 30.0)


@baseline("rbf-svm", tasks=("classification", "regression"), title="RBF SVM", cost=5, power=2.0, gives="decisions")
class GaussianSVM(Baseline):
    """Widest margin (or thinnest tube) under a Gaussian kernel of the data's own width, with three costs of an error."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.svm import SVC

        return [(f"C {c:g}", SVC(C=c, cache_size=200, random_state=seed % 2**32)) for c in COSTS]

    def regressors(self, seed: int) -> Candidates:
        from sklearn.svm import SVR

        return [(f"C {c:g}", SVR(C=c, cache_size=200)) for c in COSTS]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.gaussian_kernel import GaussianKernel

        return GaussianKernel
