"""What nets for pictures share: features that a linear head reads, and answers that look at the mirror image too.

A net that was shown photos and their mirror images in training has no reason to answer them differently; the mean of both
answers has less of what differs by chance.

Reference: Krizhevsky, Sutskever and Hinton 2012, doi:10.1145/3065386, section 4.1 (mean over mirrored views at test time).

Letters: B batch, C channels, H W sides.
"""

from abc import ABC, abstractmethod

from pydantic import Field
from torch import Tensor, nn

from thalweg.core.settings import Settings


class PictureNetSettings(Settings):
    """How answers are made."""

    mirrored: bool = Field(
        False, description="test-time augmentation: once trained, answers are the mean over a picture and its mirror image"
    )


class PictureNet(nn.Module, ABC):
    """Features, then a linear head. Derived nets make `head`.

    Args:
        mirrored: outside of training, features are the mean over a picture and its mirror image, and so are answers.

    Attributes:
        published: weights (K, width) and biases (K,) of the head that published weights came with; no part of the state.
    """

    head: nn.Linear
    published: tuple[Tensor, Tensor] | None = None

    def __init__(self, *, mirrored: bool) -> None:
        super().__init__()
        self.mirrored = mirrored

    @abstractmethod
    def seen(self, image: Tensor) -> Tensor:
        """Features of pictures as they are (B, width)."""

    def features(self, image: Tensor) -> Tensor:
        """What the head reads (B, width)."""
        if self.training or not self.mirrored:
            return self.seen(image)
        return (self.seen(image) + self.seen(image.flip(-1))) / 2

    def forward(self, image: Tensor) -> Tensor:
        """Images (B, C, H, W) to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(image))
        return answer
