"""CutMix: a rectangle of each image comes from another, and the target in proportion to the area."""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import chosen
from thalweg.data.augment._mixing import Mixing, shares
from thalweg.data.augment._rectangle import rectangles
from thalweg.data.batch import Batch


class CutmixSettings(Settings):
    """How much is pasted."""

    alpha: float = Field(1.0, gt=0, le=100, description="of Beta(alpha, alpha), the share of an image that stays")
    probability: float = Field(0.5, ge=0, le=1, description="share of the rows that are mixed")


@augmentation("cutmix", settings=CutmixSettings, kinds=("image",), paper="Yun et al. 2019, arXiv:1905.04899")
class Cutmix(Mixing):
    """A rectangle of each image is pasted over from a partner, at the same place.

    It lies wholly within the image (the paper's may stick out), so that its area is what was drawn, to whole pixels. Several
    images of a row share one rectangle.
    """

    settings: CutmixSettings

    def augmented(self, batch: Batch, at: Position) -> Batch:
        height, width = batch[self.names[0]].shape[-2:]
        partners = self.partners(batch, at)
        cut = (1 - shares(batch, at, alpha=self.settings.alpha)).sqrt() * chosen(at, batch, self.settings.probability)
        sides = (cut[:, None] * cut.new_tensor([height, width])).round().long()  # (B, 2)
        pasted = rectangles(at, batch, sides, size=(height, width))
        share = 1 - sides.prod(dim=1) / (height * width)
        fields = {name: _pasted(batch[name], partners, pasted) for name in self.names}
        return batch.having(fields | self.mixed_targets(batch, partners, share))

    @classmethod
    def example(cls) -> CutmixSettings:
        return CutmixSettings(probability=1.0)


def _pasted(images: Tensor, partners: Tensor, pasted: Tensor) -> Tensor:
    """Images (B, C, H, W) with their partners' pixels where pasted (B, 1, H, W), made in one buffer."""
    taken = images.index_select(0, partners)
    return torch.where(pasted, taken, images, out=taken)
