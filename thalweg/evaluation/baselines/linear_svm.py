"""The linear support vector machine."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates
from thalweg.models.classical._evaluator import Evaluator


@baseline("linear-svm", tasks=("classification",), title="linear SVM", cost=4, power=1.2, gives="decisions", sparse=True)
class LinearSVM(Baseline):
    """Widest margin with a flat boundary, class against the rest, with three costs of an error."""

    def classifiers(self, seed: int) -> Candidates:
        from sklearn.svm import LinearSVC

        return [(f"C {c:g}", LinearSVC(C=c, dual="auto", max_iter=2000, random_state=seed % 2**32)) for c in (0.003, 0.03, 0.3)]

    def evaluator(self) -> type[Evaluator]:
        from thalweg.models.classical.linear import Linear

        return Linear
