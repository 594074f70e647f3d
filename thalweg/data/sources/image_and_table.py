"""Pictures of digits that a table says how to read: neither the picture nor the table tells the answer alone."""

import numpy as np
from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples


class ImageAndTableSettings(Settings):
    """How often the table changes what the picture says."""

    turned: float = Field(0.25, ge=0, le=1, description="share of the rows read as 9 - digit")
    lifted: float = Field(0.25, ge=0, le=1, description="share of the rows read as digit + 5, modulo 10")


@source("image-and-table", catalogued=True, task="classification", settings=ImageAndTableSettings, licence="CC BY 4.0")
def image_and_table(asked: Asked[ImageAndTableSettings]) -> Examples:
    """Handwritten digits (Alpaydin & Kaynak 1998, UCI, shipped with scikit-learn), a way of reading them, and a number.

    The answer is the digit; where the category `reading` is "turned", nine minus it; where the number `lift` is positive, five
    more, modulo ten. By the picture alone, the digit itself is the best guess.
    """
    from sklearn.datasets import load_digits

    bunch, settings = load_digits(), asked.settings
    draw = np.random.default_rng(Position().number("image-and-table", by="run"))
    rows = len(bunch.target)
    turned, lifted = draw.random(rows) < settings.turned, draw.random(rows) < settings.lifted
    lift = np.where(lifted, 1, -1) * (0.2 + np.abs(draw.normal(size=rows)))
    answer = (np.where(turned, 9 - bunch.target, bunch.target) + 5 * lifted) % 10
    return Examples(
        "image-and-table",
        {
            "image": np.rint(bunch.images * (255 / 16)).astype(np.uint8),  # (N, 8, 8)
            "reading": np.where(turned, "turned", "plain"),
            "lift": lift,
            "answer": answer.astype(str),
        },
        kinds={"image": "image", "reading": "category", "lift": "number", "answer": "category"},
        roles={"answer": "target"},
        notes=["1,797 handwritten digits of 8×8 pixels, and a table that says how to read them"],
        facts={"licence": "CC BY 4.0", "classes": [str(digit) for digit in range(10)], "augment": [{"shift": {"pixels": 1}}]},
    )
