"""Colour: brightness, contrast, saturation and hue as one linear map of each image's colours.

Every one of the four is linear in red, green and blue, and saturation and hue leave grey alone, so all of them together are one
matrix and one offset for each image: a single product, clamped once at the end (others clamp after each).
"""

import math

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import Augmentation, by_row, chosen, spread
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encodings

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue appear (ITU-R BT.601)."""

_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


class ColourSettings(Settings):
    """How far colours are changed; saturation and hue need three channels."""

    brightness: float = Field(0.2, ge=0, le=1, description="greatest change, as a share: 0.2 is 0.8 to 1.2")
    contrast: float = Field(0.2, ge=0, le=1, description="greatest change of the distance from the image's mean grey")
    saturation: float = Field(0.0, ge=0, le=1, description="greatest change of the distance from each pixel's grey")
    hue: float = Field(0.0, ge=0, le=0.5, description="greatest turn of the circle of hues, in turns, either way")


@augmentation("colour", settings=ColourSettings, kinds=("image",))
class Colour(Augmentation):
    """Each image's brightness, contrast, saturation and hue changed; values stay in [0, 1].

    Hue turns about the grey axis of YIQ at constant luma, not on the hexagon of HSV: linear, so it costs nothing extra.
    """

    settings: ColourSettings

    def __init__(self, settings: ColourSettings, encodings: Encodings) -> None:
        super().__init__(settings, encodings)
        self.coloured = settings.saturation > 0 or settings.hue > 0
        if self.coloured:
            self.checked_channels(3)

    def augmented(self, batch: Batch, at: Position) -> Batch:
        given = self.settings
        gain = spread(at, "brightness", batch, low=1 - given.brightness, high=1 + given.brightness)
        contrast = spread(at, "contrast", batch, low=1 - given.contrast, high=1 + given.contrast)
        mixing = self._mixing(batch, at) if self.coloured else None
        return batch.having({name: _recoloured(batch[name], gain, contrast, mixing) for name in self.names})

    def _mixing(self, batch: Batch, at: Position) -> Tensor:
        """The matrices (B, 3, 3) that change saturation and hue: G + s cos(t) (I - G) + s sin(t) R.

        G takes a colour to its grey, R turns its chroma by a quarter; both commute with what follows, as G R = R G = 0.
        """
        given = self.settings
        saturation = spread(at, "saturation", batch, low=1 - given.saturation, high=1 + given.saturation)[:, None, None]
        turn = spread(at, "hue", batch, low=-2 * math.pi * given.hue, high=2 * math.pi * given.hue)[:, None, None]
        grey, quarter = _grey_and_quarter(saturation)
        chroma = torch.eye(3, device=grey.device) - grey
        return grey + saturation * (turn.cos() * chroma + turn.sin() * quarter)

    @classmethod
    def example(cls) -> ColourSettings:
        return ColourSettings()


class GreyscaleSettings(Settings):
    """How often an image loses its colours."""

    probability: float = Field(0.2, ge=0, le=1, description="share of the images that become grey")


@augmentation("greyscale", settings=GreyscaleSettings, kinds=("image",))
class Greyscale(Augmentation):
    """Some images become grey; they keep their three channels."""

    settings: GreyscaleSettings

    def __init__(self, settings: GreyscaleSettings, encodings: Encodings) -> None:
        super().__init__(settings, encodings)
        self.checked_channels(3)

    def augmented(self, batch: Batch, at: Position) -> Batch:
        greyed = by_row(chosen(at, batch, self.settings.probability))
        return batch.having({name: torch.where(greyed, luma(batch[name]), batch[name]) for name in self.names})

    @classmethod
    def example(cls) -> GreyscaleSettings:
        return GreyscaleSettings(probability=0.5)


def luma(images: Tensor) -> Tensor:
    """How bright each pixel appears (B, 1, H, W), of images (B, 3, H, W)."""
    red, green, blue = (images[:, i : i + 1] * LUMA[i] for i in range(3))
    return red.add_(green).add_(blue)


def _recoloured(images: Tensor, gain: Tensor, contrast: Tensor, mixing: Tensor | None) -> Tensor:
    """Images (B, C, H, W) brightened by gain (B,), drawn from their mean grey by contrast (B,), their channels mixed."""
    scale = gain * contrast
    offset = gain * (1 - contrast) * _mean_grey(images)
    if mixing is None:
        return torch.addcmul(by_row(offset), images, by_row(scale)).clamp_(0, 1)
    flat = images.flatten(2)  # (B, 3, H * W)
    return torch.baddbmm(offset.view(-1, 1, 1), mixing * scale[:, None, None], flat).clamp_(0, 1).view_as(images)


def _mean_grey(images: Tensor) -> Tensor:
    """The mean brightness (B,) of each image."""
    means = images.mean(dim=(2, 3))  # (B, C)
    return means @ means.new_tensor(LUMA) if means.shape[1] == 3 else means.mean(dim=1)


def _grey_and_quarter(like: Tensor) -> tuple[Tensor, Tensor]:
    """The matrices (3, 3) that take a colour to its grey, and that turn its chroma by a quarter."""
    to_chroma = like.new_tensor(_YIQ)
    turn = like.new_tensor([[0, 0, 0], [0, 0, -1], [0, 1, 0]])
    grey = to_chroma[:1].expand(3, -1)
    return grey, torch.linalg.solve(to_chroma, turn @ to_chroma)
