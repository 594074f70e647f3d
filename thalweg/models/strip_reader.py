"""A reader of strips: convolutions over pixels, recurrence along the strip, a guess at each frame.

After CRNN (Shi, Bai and Yao 2017, arXiv:1507.05717), much smaller. Padding is masked out after every layer, so that how wide
the other strips of a batch are changes nothing.

Letters: B batch, C channels, W columns of pixels, H rows of pixels, T frames, V classes.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_activation, build_normalisation
from thalweg.layers.masked_convolution import masked_convolution
from thalweg.layers.padded_recurrence import PaddedRecurrence

STRIDES = ((2, 2), (1, 2), (1, 1))
"""Steps along and across the strip: two columns of pixels make a frame."""


class StripReaderSettings(Settings):
    """Widths of the convolutions and of the recurrence."""

    widths: tuple[Count, Count, Count] = Field((16, 32, 48), description="maps of the three convolutions")
    units: int = Field(0, ge=0, le=4096, description="recurrent units in each direction; none: convolutions alone")
    activation: str = "relu"
    normalisation: str = "batch"


@model(
    "strip-reader",
    settings=StripReaderSettings,
    tasks=("transcription",),
    inputs=("strip",),
    recipe={"rate": 0.01, "batch_size": 64},
    paper="Shi et al. 2017, arXiv:1507.05717",
)
class StripReader(nn.Module):
    """Strips (B, W, H) and their mask (B, W) to logits (B, T, V) of about W / 2 frames and their mask (B, T)."""

    def __init__(self, ports: Ports, settings: StripReaderSettings) -> None:
        super().__init__()
        port = ports.input("strip")
        self.name, height = port.name, int(port.shape[1] or 0)
        layers = list(zip((1, *settings.widths), settings.widths, STRIDES, strict=False))
        self.convolutions = nn.ModuleList(nn.Conv2d(given, made, 3, stride=step, padding=1) for given, made, step in layers)
        self.normalisations = nn.ModuleList(build_normalisation(settings.normalisation, made, dims=2) for _, made, _ in layers)
        self.activation = build_activation(settings.activation)
        for _, across in STRIDES:
            height = -(-height // across)
        width = settings.widths[-1] * height
        self.recurrence = PaddedRecurrence(width, settings.units, both=True) if settings.units else None
        self.head = nn.Linear(2 * settings.units or width, ports.output.width)

    def features(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """What the head reads (B, T, features), and the mask (B, T) of real frames."""
        strips, columns = inputs[self.name], inputs[f"{self.name}_mask"]
        x, mask = strips[:, None], columns[:, :, None].expand(strips.shape)  # (B, 1, W, H), (B, W, H)
        for convolution, normalisation in zip(self.convolutions, self.normalisations, strict=True):
            assert isinstance(convolution, nn.Conv2d)
            x, answered = masked_convolution(convolution, x, mask)
            assert answered is not None
            x, mask = self.activation(normalisation(x, answered)), answered
        frames, read = mask[:, :, 0], x.transpose(1, 2).flatten(2)  # (B, T), (B, T, C * H)
        return (read if self.recurrence is None else self.recurrence(read, frames)), frames

    def forward(self, **inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and the mask (B, T)."""
        read, frames = self.features(**inputs)
        return self.head(read), frames

    @staticmethod
    def tiny() -> tuple[Ports, StripReaderSettings]:
        """The smallest instance, for the contracts."""
        strip, text = Port("strip", "strip", (None, 4), masked=True), Port("text", "tokens", (None,), size=6, masked=True)
        return Ports((strip,), (text,)), StripReaderSettings(widths=(4, 4, 8), units=8, normalisation="none")

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight strips of one or two symbols: one is bright above, the other below."""
        symbols = torch.randint(4, 6, (8, 2), generator=generator)
        mask = torch.arange(2) < 1 + torch.arange(8)[:, None] % 2
        strip = torch.zeros(8, 2, 4, 4)  # (B, symbols, columns, H)
        strip[:, :, 1:3, :2] = (symbols == 4)[:, :, None, None].float()
        strip[:, :, 1:3, 2:] = (symbols == 5)[:, :, None, None].float()
        wide = mask.repeat_interleave(4, 1)
        strip = strip.flatten(1, 2) * wide[:, :, None]
        return {"strip": strip, "strip_mask": wide, "text": symbols * mask, "text_mask": mask}
