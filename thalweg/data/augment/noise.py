"""Noise: normal noise on every value of an image."""

from pydantic import Field

from thalweg.core.position import Position
from thalweg.core.registry import augmentation
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import Augmentation
from thalweg.data.batch import Batch


class NoiseSettings(Settings):
    """How strong the noise is."""

    deviation: float = Field(0.05, ge=0, le=1, description="standard deviation, where black is 0 and white is 1")


@augmentation("noise", settings=NoiseSettings, kinds=("image",), paper="Bishop 1995, doi:10.1162/neco.1995.7.1.108")
class Noise(Augmentation):
    """Independent normal noise on every value, clamped to [0, 1]."""

    settings: NoiseSettings

    def augmented(self, batch: Batch, at: Position) -> Batch:
        fields = {}
        for name in self.names:
            drawn = at.normal(f"noise {name}", batch, *batch[name].shape[1:])
            fields[name] = drawn.mul_(self.settings.deviation).add_(batch[name]).clamp_(0, 1)
        return batch.having(fields)

    @classmethod
    def example(cls) -> NoiseSettings:
        return NoiseSettings()
