"""The default for series: fixed convolutional kernels, and one linear layer over what they find, solved in closed form.

All kernels are set before training: those of MiniRocket with biases from the training rows, read by the share of steps above
a bias and by how much these are above, and groups of random kernels that compete (Hydra). Neither learns; the linear layer over
thousands of features is found by ridge regression in seconds: one for each of the three sorts, summed as rows left out advise.

References: Dempster, Schmidt and Webb 2021, arXiv:2012.08791; Tan et al. 2022, arXiv:2102.00457; Dempster, Schmidt and Webb
2023, arXiv:2203.13652. What was tried beside it is in LOG.md.

Letters: B batch, C channels, T time.
"""

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.linear_head import LinearHead
from thalweg.layers.series_features import SeriesFeatures


class RandomKernelsSettings(Settings):
    """How many features of either sort."""

    shares: int = Field(10_000, ge=0, le=1_000_000, description="shares of steps above a bias; whole multiples of 84 kernels")
    means: bool = Field(True, description="as many means of what is above the biases")
    groups: int = Field(64, ge=0, le=4096, multiple_of=2, description="groups of competing kernels for each dilation")
    kernels: int = Field(8, ge=2, le=256, description="kernels of each group")

    @model_validator(mode="after")
    def _some(self) -> "RandomKernelsSettings":
        if self.shares < 84 and not self.groups:
            raise ValueError("nothing would be read of a series: give shares of 84 or more, or groups of 2 or more")
        return self


VARIANTS = {
    "minirocket": RandomKernelsSettings(shares=10_000, means=False, groups=0),
    "hydra": RandomKernelsSettings(shares=0, groups=64),
}


@model(
    "random-kernels",
    settings=RandomKernelsSettings,
    variants=VARIANTS,
    tasks=("classification", "regression"),
    inputs=("series",),
    preference=1,
    rule="ridge",
    presets={
        "fast": {"settings": {"shares": 2_520, "groups": 16}},
        "best": {"settings": {"shares": 20_000, "groups": 128}},
    },
    paper="Dempster et al. 2021, arXiv:2012.08791; Tan et al. 2022, arXiv:2102.00457; Dempster et al. 2023, arXiv:2203.13652",
)
class RandomKernelsNet(LinearHead):
    """One or more series (B, C, T), with masks (B, T) where lengths vary."""

    def __init__(self, ports: Ports, settings: RandomKernelsSettings) -> None:
        super().__init__()
        self.readers = nn.ModuleDict({port.name: _reader(port, settings) for port in ports.inputs})
        self.head = nn.Linear(sum(one.width for one in self.readers.values()), ports.output.width)  # type: ignore[misc]

    @property
    def sorts(self) -> Tensor | None:
        """Shares, means and wins, where there is more than one of these."""
        sorts = torch.cat([reader.sorts for reader in self.readers.values()])  # type: ignore[misc]
        return sorts if len(sorts.unique()) > 1 else None

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, F)."""
        return torch.cat([reader(inputs[name], inputs.get(f"{name}_mask")) for name, reader in self.readers.items()], 1)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, RandomKernelsSettings]:
        """The smallest instance, for the contracts."""
        ports = Ports((Port("series", "series", (1, 24)),), (Port("class", "category", (), size=3),))
        return ports, RandomKernelsSettings(shares=168, groups=2, kernels=2)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight waves; the class is how often they swing."""
        code = torch.arange(8) % 3
        time = torch.linspace(0, 6.28, 24)
        series = ((code[:, None] + 1) * time + 0.3 * torch.rand(8, 1, generator=generator)).sin()
        return {"series": series[:, None], "class": code}


def _reader(port: Port, settings: RandomKernelsSettings) -> SeriesFeatures:
    shares, groups = settings.shares, settings.groups
    return SeriesFeatures(port, shares=shares, means=settings.means, groups=groups, kernels=settings.kernels)
