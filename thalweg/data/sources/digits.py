"""Handwritten digits of 8×8 pixels, shipped with scikit-learn (Alpaydin & Kaynak 1998, UCI)."""

import numpy as np

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples


@source("digits", catalogued=True, task="classification", rows=1797, licence="CC BY 4.0")
def digits(asked: Asked) -> Examples:
    """1,797 handwritten digits of 8×8 pixels; brightness 0 to 16 stretched to 0 to 255."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    classes = [str(name) for name in bunch.target_names]
    return Examples(
        "digits",
        {
            "image": np.rint(bunch.images * (255 / 16)).astype(np.uint8),
            "class": np.array(classes)[bunch.target],
        },  # (N, 8, 8), (N,)
        kinds={"image": "image", "class": "category"},
        roles={"class": "target"},
        notes=["1,797 handwritten digits of 8×8 pixels, shipped with scikit-learn"],
        facts={
            "licence": "CC BY 4.0",
            "classes": classes,
            "augment": [{"affine": {"degrees": 8, "scale": 0.1, "shear": 0.1, "shift": 0.08}}],
        },
    )
