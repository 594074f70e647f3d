"""Wines (Forina et al. 1988, UCI), shipped with scikit-learn."""

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.data.sources._shipped import examples_of_bunch


@source("wine", catalogued=True, task="classification", rows=178, licence="CC BY 4.0")
def wine(asked: Asked) -> Examples:
    """178 wines by thirteen chemical measurements; three growers."""
    from sklearn.datasets import load_wine

    note = "178 wines by thirteen measurements, shipped with scikit-learn"
    return examples_of_bunch(load_wine(), "wine", target="grower", licence="CC BY 4.0", note=note)
