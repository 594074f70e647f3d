"""Series as one vector: what fixed convolutional kernels find, standardised, then mixed by one learned layer.

A few hundred features need no more than the rows of a table, and cost little beside its columns.

Reference: Dempster et al. 2021, arXiv:2012.08791.

Letters: B batch, C channels, T time.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import encoder
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port
from thalweg.layers.dropped import Dropout
from thalweg.layers.encoded import Encoder
from thalweg.layers.series_features import SeriesFeatures


class SeriesSettings(Settings):
    """How much is read of a series, and how wide it becomes."""

    shares: int = Field(1008, ge=84, le=1_000_000, description="shares of steps above a bias; whole multiples of 84 kernels")
    width: Count = Field(32, description="numbers that stand for a series")
    dropout: float = Field(0.2, ge=0, lt=1, description="share of what is read that is dropped in training")


@encoder("series", settings=SeriesSettings, paper="Dempster et al. 2021, arXiv:2012.08791")
class SeriesEncoder(Encoder):
    """Series (B, C, T), with a mask (B, T) where lengths vary, to (B, width)."""

    def __init__(self, port: Port, settings: SeriesSettings) -> None:
        super().__init__()
        self.found = SeriesFeatures(port, shares=settings.shares, groups=0)
        self.dropout = Dropout(settings.dropout)
        self.mixed = nn.Linear(self.found.width, settings.width)
        self.width = settings.width

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, T) to (B, width)."""
        vector: Tensor = self.mixed(self.dropout(self.found(x, mask)))
        return vector

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Waves of two channels, each as long as it happens to be."""
        lengths = torch.randint(12, 25, (8, 1), generator=generator)
        time = torch.arange(24)
        mask = time < lengths
        waves = torch.stack([(time / 3 + lengths).sin(), (time / 5 + lengths).cos()], 1)
        port = Port("series", "series", (2, None), masked=True, longest=24)
        return port, {"series": waves * mask[:, None], "series_mask": mask}
