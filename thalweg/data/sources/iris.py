"""Iris flowers (Fisher 1936, UCI), shipped with scikit-learn."""

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.data.sources._shipped import examples_of_bunch


@source("iris", catalogued=True, task="classification", rows=150, licence="CC BY 4.0")
def iris(asked: Asked) -> Examples:
    """150 iris flowers by four lengths; three species."""
    from sklearn.datasets import load_iris

    note = "150 flowers by four lengths, shipped with scikit-learn"
    return examples_of_bunch(load_iris(), "iris", target="species", licence="CC BY 4.0", note=note)
