"""The augmentation contract: a function of the whole global batch and a position, a different draw for each row."""

from abc import ABC, abstractmethod
from typing import Self

from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import Declaration
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encodings


class Augmentation(ABC):
    """One way of varying examples without changing what they are (or changing the targets along with them).

    Fields arrive loosened: images as float32 (B, C, H, W) in [0, 1]. They are never changed in place.

    Attributes:
        names: the inputs of the kinds that it acts on, in order.
    """

    declaration: Declaration
    settings: Settings

    def __init__(self, settings: Settings, encodings: Encodings) -> None:
        kinds = self.declaration.facts["kinds"]
        self.settings, self.encodings = settings, encodings
        self.names = tuple(encoding.name for encoding in encodings.inputs if encoding.kind in kinds)

    def __call__(self, batch: Batch, at: Position) -> Batch:
        """The batch, augmented: a function of the batch and the position alone."""
        return self.augmented(batch, at.inside(self.declaration.name))

    @abstractmethod
    def augmented(self, batch: Batch, at: Position) -> Batch:
        """The batch, augmented; the position is this augmentation's own, so that draws need only differ among themselves."""

    @classmethod
    @abstractmethod
    def example(cls) -> Settings:
        """Settings under which its effect is plain to see: what the contracts use."""

    def checked_channels(self, *allowed: int) -> Self:
        """Itself, where every image has one of the allowed numbers of channels.

        Raises:
            UsageRefusal: an image has another number of channels.
        """
        for name in self.names:
            channels = self.encodings[name].port.shape[0]
            if channels not in allowed:
                raise UsageRefusal(
                    "AUGMENT_CHANNELS",
                    f'"{name}" has {channels} channel{"" if channels == 1 else "s"}, with which this would do nothing',
                    where=f"augment, {self.declaration.name}",
                    why=f"hue, saturation and greyscale need {' or '.join(map(str, allowed))} channels (red, green, blue)",
                    fix=f"leave {self.declaration.name} (or its saturation and hue) out",
                )
        return self


def spread(at: Position, name: str, batch: Batch, *, low: float, high: float) -> Tensor:
    """One number (B,) for each row, uniform between low and high."""
    return at.uniform(name, batch).mul_(high - low).add_(low)


def chosen(at: Position, batch: Batch, probability: float) -> Tensor:
    """Which rows (B,) are acted on, each with a probability of its own."""
    return at.uniform("chosen", batch) < probability


def by_row(values: Tensor) -> Tensor:
    """Values (B,) shaped (B, 1, 1, 1), to act on images."""
    return values.view(-1, 1, 1, 1)
