"""Residual convolutional net for series: blocks of three convolutions that narrow, the mean over time, one linear layer.

Reference: Wang, Yan and Oates 2017, arXiv:1611.06455 (three blocks of kernels 8, 5 and 3 with 64, 128 and 128 maps; here odd
kernels, so that steps stay in their places under masks).

Letters: B batch, C channels, T time.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_activation, build_normalisation
from thalweg.layers.dropped import Dropout
from thalweg.layers.masked_convolution import masked_convolution, without_padding
from thalweg.layers.normalisation import masked_moments


class SeriesResidualSettings(Settings):
    """Widths of the blocks and spans of their convolutions."""

    widths: tuple[Count, ...] = Field((64, 128, 128), min_length=1, description="maps of each block")
    spans: tuple[Count, ...] = Field((4, 2, 1), min_length=1, description="steps to either side that each convolution sees")
    activation: str = "relu"
    normalisation: str = "batch"
    dropout: float = Field(0.0, ge=0, lt=1, description="share of features dropped before the output in training")


@model(
    "series-residual",
    settings=SeriesResidualSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("series",),
    preference=0.3,
    recipe={"optimizer": "adamw", "rate": 0.001, "batch_size": 32, "schedule": {"name": "cosine"}},
    paper="Wang et al. 2017, arXiv:1611.06455",
)
class SeriesResidual(nn.Module):
    """One series (B, C, T), with a mask (B, T) where lengths vary."""

    def __init__(self, ports: Ports, settings: SeriesResidualSettings) -> None:
        super().__init__()
        self.port = ports.input("series")
        widths = (int(self.port.shape[0] or 1), *settings.widths)
        self.blocks = nn.ModuleList(_Block(*pair, settings) for pair in zip(widths, settings.widths, strict=False))
        self.dropout = Dropout(settings.dropout)
        self.head = nn.Linear(widths[-1], ports.output.width)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, last width): means over the steps that are there."""
        x, mask = inputs[self.port.name], inputs.get(f"{self.port.name}_mask")
        for block in self.blocks:
            x = block(x, mask)
        if mask is None:
            return self.dropout(x.mean(2))
        mean = masked_moments(x, mask.unsqueeze(1), axes=(2,))[0].squeeze(2)
        return self.dropout(mean.to(x.dtype))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, SeriesResidualSettings]:
        """The smallest instance, for the contracts."""
        series = Port("series", "series", (1, None), masked=True, longest=16)
        return Ports((series,), (Port("class", "category", (), size=3),)), SeriesResidualSettings(widths=(8, 8), spans=(2, 1))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight waves of their own lengths; the class is how often they swing."""
        code, time = torch.arange(8) % 3, torch.arange(16)
        mask = time < torch.randint(10, 17, (8, 1), generator=generator)
        waves = ((code[:, None] + 1) * time / 3 + torch.rand(8, 1, generator=generator)).sin()
        return {"series": (waves * mask)[:, None], "series_mask": mask, "class": code}


class _Block(nn.Module):
    """activation(shortcut(x) + branch(x)); convolutions keep every step in its place."""

    def __init__(self, inputs: int, outputs: int, settings: SeriesResidualSettings) -> None:
        super().__init__()
        widths = (inputs, *[outputs] * len(settings.spans))
        self.convolutions = nn.ModuleList(
            nn.Conv1d(widths[i], outputs, 2 * span + 1, padding=span, bias=False) for i, span in enumerate(settings.spans)
        )
        self.norms = nn.ModuleList(build_normalisation(settings.normalisation, outputs, dims=1) for _ in settings.spans)
        self.shortcut = nn.Conv1d(inputs, outputs, 1, bias=False)
        self.shortcut_norm = build_normalisation(settings.normalisation, outputs, dims=1)
        self.activation = build_activation(settings.activation)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """(B, C, T) to (B, C', T)."""
        branch = x
        for place, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            branch = self.activation(branch) if place else branch
            branch = norm(masked_convolution(convolution, branch, mask)[0], mask)  # type: ignore[arg-type]
        passed = self.shortcut_norm(self.shortcut(without_padding(x, mask)), mask)
        summed: Tensor = self.activation(branch + passed)
        return without_padding(summed, mask)
