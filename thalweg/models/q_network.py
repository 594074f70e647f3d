"""The Q-network: the worth of every action in what is seen, by dense layers; with a dueling head where asked.

Reference: Mnih et al. 2015, doi:10.1038/nature14236; Wang et al. 2016, arXiv:1511.06581, eq. 9, for the dueling head.

Letters: B batch, A actions.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.joined import Joined
from thalweg.layers.linear_stack import LinearStack


class QNetworkSettings(Settings):
    """Widths, and the form of the head."""

    hidden: tuple[Count, ...] = Field((128, 128), description="units of each hidden layer")
    activation: str = "relu"
    dueling: bool = Field(False, description="the worth of a state apart from what each action adds to it")


@model(
    "q-network",
    settings=QNetworkSettings,
    tasks=("control",),
    inputs=("numbers", "vector", "categories"),
    paper="Mnih et al. 2015, doi:10.1038/nature14236",
)
class QNetwork(nn.Module):
    """Inputs side by side, hidden layers, one value for each action."""

    def __init__(self, ports: Ports, settings: QNetworkSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        self.hidden = LinearStack(self.joined.width, settings.hidden, activation=settings.activation)
        self.head = nn.Linear(self.hidden.width, ports.output.width)
        self.worth = nn.Linear(self.hidden.width, 1) if settings.dueling else None

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, last hidden width)."""
        features: Tensor = self.hidden(self.joined(inputs))
        return features

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to values of actions (B, A)."""
        features = self.features(**inputs)
        values: Tensor = self.head(features)
        if self.worth is None:
            return values
        answer: Tensor = self.worth(features) + values - values.mean(1, keepdim=True)  # eq. 9
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, QNetworkSettings]:
        """The smallest instance that learns to balance, for the contracts."""
        ports = Ports((Port("observation", "vector", (4,)),), (Port("action", "category", (), size=2),))
        return ports, QNetworkSettings(hidden=(64, 64))

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """A batch of eight that the tiny instance can learn."""
        observation = torch.randn(8, 4, generator=generator)
        action = torch.randint(2, (8,), generator=generator)
        return {"observation": observation, "action": action, "value": observation[:, 0] * (2 * action - 1)}
