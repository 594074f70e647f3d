"""Handwritten digits of 8×8 pixels, shipped with scikit-learn (Alpaydin & Kaynak 1998, UCI)."""

import numpy as np

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples
from thalweg.data.sources._shipped import shipped_file


@source("digits", catalogued=True, task="classification", rows=1797, licence="CC BY 4.0")
def digits(asked: Asked) -> Examples:
    """1,797 handwritten digits of 8×8 pixels; brightness 0 to 16 stretched to 0 to 255."""
    table = np.loadtxt(shipped_file("digits.csv.gz"), delimiter=",", dtype=np.uint8)  # (N, 64 + 1)
    images, classes = table[:, :-1].reshape(-1, 8, 8), [str(digit) for digit in range(10)]
    return Examples(
        "digits",
        {
            "image": np.rint(images * (255 / 16)).astype(np.uint8),
            "class": np.array(classes)[table[:, -1]],
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
