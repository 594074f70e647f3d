"""Diabetes progression (Efron et al. 2004), shipped with scikit-learn."""

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.data.sources._shipped import examples_of_bunch


@source(
    "diabetes", catalogued=True, task="regression", rows=442, licence="none stated; shipped with scikit-learn (BSD-3-Clause)"
)
def diabetes(asked: Asked) -> Examples:
    """442 patients by ten measurements, centred and scaled; the disease's progress after a year."""
    from sklearn.datasets import load_diabetes

    note = "442 patients by ten measurements, shipped with scikit-learn"
    return examples_of_bunch(
        load_diabetes(),
        "diabetes",
        target="progression",
        licence="none stated; shipped with scikit-learn (BSD-3-Clause)",
        note=note,
    )
