"""Strips of handwritten digits, laid side by side with gaps, jitter and noise: what a reader without segmentation learns from.

No digit image stands in strips of two parts, so that test strips are in handwriting that training never saw.
"""

import numpy as np
import torch
from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples

SHARES = {"train": 0.6, "validation": 0.1, "calibration": 0.1, "test": 0.2}
"""Share of the digit images that the strips of each part are made of."""
SIDE, HEIGHT = 8, 10
GAP = 4
"""Widest gap before, between and after digits, in pixels."""
DRAWN = Position().inside("digit-strips")
"""What the strips are drawn from: they are the same in every run."""


class DigitStripsSettings(Settings):
    """How many strips, how long, and how noisy."""

    train: int = Field(3000, ge=1, le=1_000_000)
    validation: int = Field(200, ge=1, le=100_000)
    calibration: int = Field(200, ge=1, le=100_000)
    test: int = Field(500, ge=1, le=100_000)
    longest: int = Field(6, ge=1, le=100, description="digits of a strip, 1 to this equally likely")
    noise: float = Field(16.0, ge=0, le=128, description="deviation of the noise on each pixel, of 255")


@source("digit-strips", catalogued=True, task="transcription", settings=DigitStripsSettings, licence="CC BY 4.0")
def digit_strips(asked: Asked[DigitStripsSettings]) -> Examples:
    """Pictures of rows of handwritten digits (Alpaydin & Kaynak 1998, UCI, shipped with scikit-learn), and what they say."""
    from sklearn.datasets import load_digits

    bunch, settings = load_digits(), asked.settings
    pictures = bunch.images * (255 / 16)  # (1797, 8, 8)
    strips: list[np.ndarray] = []
    texts: list[str] = []
    given = {}
    for part, own in images_of_parts(len(pictures)).items():
        draw = np.random.default_rng(DRAWN.number(part, by="run"))
        for _ in range(getattr(settings, part)):
            chosen = draw.choice(own, draw.integers(1, settings.longest + 1))
            strips.append(_laid(draw, pictures[chosen], settings.noise))
            texts.append("".join(str(digit) for digit in bunch.target[chosen]))
        given[part] = torch.arange(len(strips) - getattr(settings, part), len(strips))
    return Examples(
        "digit-strips",
        {"strip": strips, "text": texts},
        kinds={"strip": "strip", "text": "tokens"},
        roles={"text": "target"},
        given=given,
        notes=[f"{len(strips):,} strips of 1 to {settings.longest} handwritten digits; no digit image stands in two parts"],
        facts={"task": "transcription", "licence": "CC BY 4.0"},
    )


def images_of_parts(count: int) -> dict[str, np.ndarray]:
    """The numbers of the digit images that the strips of each part are made of; none in two parts."""
    order = torch.randperm(count, generator=DRAWN.generator("images", by="run")).numpy()
    edges = np.cumsum([round(share * count) for share in SHARES.values()])[:-1]
    return dict(zip(SHARES, np.split(order, edges), strict=True))


def _laid(draw: np.random.Generator, pictures: np.ndarray, noise: float) -> np.ndarray:
    """Pictures (n, SIDE, SIDE) side by side as one strip (HEIGHT, W) of bytes."""
    gaps = draw.integers(0, GAP + 1, len(pictures) + 1)
    lefts = np.cumsum(gaps[:-1]) + SIDE * np.arange(len(pictures))
    strip = np.zeros((HEIGHT, int(lefts[-1]) + SIDE + int(gaps[-1])))
    for picture, left, top in zip(pictures, lefts, draw.integers(0, HEIGHT - SIDE + 1, len(pictures)), strict=True):
        strip[top : top + SIDE, left : left + SIDE] = picture
    return np.clip(np.rint(strip + draw.normal(0, noise, strip.shape)), 0, 255).astype(np.uint8)
