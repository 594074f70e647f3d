"""Mixup: examples between two examples, with a target between theirs."""

import torch
from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import chosen
from thalweg.data.augment._mixing import Mixing, blend, shares
from thalweg.data.batch import Batch


class MixupSettings(Settings):
    """How strongly rows are mixed."""

    alpha: float = Field(0.2, gt=0, le=100, description="of Beta(alpha, alpha): 0.2 mixes few rows evenly, 1 any share alike")
    probability: float = Field(1.0, ge=0, le=1, description="share of the rows that are mixed")


@augmentation("mixup", settings=MixupSettings, kinds=("image",), paper="Zhang et al. 2017, arXiv:1710.09412")
class Mixup(Mixing):
    """Each row a weighted mean of itself and a partner: images and numbers alike, and the targets.

    A row's own share is folded to at least a half (pairs are as likely as in the paper), so that what cannot be mixed, such as
    categories read as inputs or example weights, belongs to the row that counts most.
    """

    settings: MixupSettings

    def augmented(self, batch: Batch, at: Position) -> Batch:
        partners = self.partners(batch, at)
        share = shares(batch, at, alpha=self.settings.alpha)
        share = torch.where(chosen(at, batch, self.settings.probability), torch.maximum(share, 1 - share), 1.0)
        fields = {name: blend(batch[name], partners, share) for name in self._inputs(batch)}
        return batch.having(fields | self.mixed_targets(batch, partners, share))

    def _inputs(self, batch: Batch) -> list[str]:
        """The inputs that can be mixed: floats of one size for all rows."""
        plain = [one.name for one in self.encodings.inputs if not one.port.masked]
        return [name for name in plain if name in batch and batch[name].is_floating_point()]

    @classmethod
    def example(cls) -> MixupSettings:
        return MixupSettings(alpha=1.0)
