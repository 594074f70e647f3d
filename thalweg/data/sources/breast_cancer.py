"""Breast cancer, Wisconsin, diagnostic (Wolberg et al. 1995, UCI), shipped with scikit-learn."""

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.data.sources._shipped import examples_of_bunch


@source("breast-cancer", catalogued=True, task="classification", rows=569, licence="CC BY 4.0")
def breast_cancer(asked: Asked) -> Examples:
    """569 biopsies by thirty measurements of cell nuclei; malignant or benign."""
    from sklearn.datasets import load_breast_cancer

    note = "569 biopsies by thirty measurements, shipped with scikit-learn"
    return examples_of_bunch(load_breast_cancer(), "breast-cancer", target="diagnosis", licence="CC BY 4.0", note=note)
