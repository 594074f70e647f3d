"""The nearest series in Euclidean distance."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates


@baseline("nearest-series", tasks=("classification",), title="nearest series", cost=3.1, power=1.0, inputs=("series",))
class NearestSeriesBaseline(Baseline):
    """One nearest neighbour, step by step, or with matching of the very next steps."""

    def classifiers(self, seed: int) -> Candidates:
        from thalweg.evaluation.warping import NearestSeries

        return [("Euclidean", NearestSeries((0.0,))), ("one step in a hundred apart", NearestSeries((0.01,)))]
