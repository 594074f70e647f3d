"""What data must be like for published weights: what many nets were trained on is said here once, by name.

A file of weights names its row in the fact `made_for`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MadeFor:
    """The data that weights were trained on.

    Attributes:
        data: settings of the data, under what the user says.
        least: shape of an input below which the weights bring little.
    """

    data: Mapping[str, Any]
    least: tuple[int, ...]


MADE_FOR: Mapping[str, MadeFor] = {
    "imagenet": MadeFor(  # the middle 224 of 256 pixels, standardised by ImageNet's own channels
        data={
            "image_size": 224,
            "image_crop": 0.875,
            "image_channels": 3,
            "image_mean": (0.485, 0.456, 0.406),
            "image_deviation": (0.229, 0.224, 0.225),
        },
        least=(1, 64, 64),
    ),
}
