"""The nearest series under dynamic time warping."""

from thalweg.core.registry import baseline
from thalweg.evaluation._baseline import Baseline, Candidates


@baseline(
    "warped-neighbour", tasks=("classification",), title="nearest series, warped", cost=3.2, power=2.0, inputs=("series",)
)
class WarpedNeighbour(Baseline):
    """One nearest neighbour; the window is chosen by leaving out training rows, among small ones or among all."""

    def classifiers(self, seed: int) -> Candidates:
        from thalweg.evaluation.warping import SHARES, NearestSeries

        return [("window up to 20 %", NearestSeries(SHARES)), ("window up to 5 %", NearestSeries(SHARES[:6]))]
