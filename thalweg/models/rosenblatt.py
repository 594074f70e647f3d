"""The perceptron: one layer of threshold units that read their inputs side by side; its own rule changes them.

Reference: Rosenblatt 1958, doi:10.1037/h0042519; for several classes, Crammer and Singer 2003, JMLR 3:951.

Letters: B batch, C classes.
"""

import torch
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.joined import Joined


@model(
    "perceptron",
    settings=Settings,
    tasks=("classification",),
    inputs=("numbers", "categories", "vector", "series", "image"),
    preference=-1,
    rule="perceptron",
    paper="Rosenblatt 1958, doi:10.1037/h0042519",
)
class Perceptron(nn.Module):
    """One linear unit that speaks for the second of two classes, or one for each of several; the loudest wins.

    All weights are zero at first, as the rule's bound on mistakes assumes.
    """

    def __init__(self, ports: Ports, settings: Settings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        classes = ports.output.width
        self.head = nn.Linear(self.joined.width, 1 if classes == 2 else classes)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, width): the inputs themselves."""
        features: Tensor = self.joined(inputs)
        return features

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to scores of classes (B, C); a lone unit is 0 against its excitation."""
        scores: Tensor = self.head(self.features(**inputs))
        return scores if scores.shape[1] > 1 else torch.cat([torch.zeros_like(scores), scores], 1)

    @staticmethod
    def tiny() -> tuple[Ports, Settings]:
        """The smallest instance, for the contracts."""
        return Ports((Port("numbers", "numbers", (4,)),), (Port("class", "category", (), size=3),)), Settings()

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight that the tiny instance can learn."""
        numbers = torch.randn(8, 4, generator=generator)
        return {"numbers": numbers, "class": numbers[:, :3].argmax(1)}
