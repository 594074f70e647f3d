"""Threshold units: fire when enough of their inputs are active. AND, OR and NOT by construction; XOR needs two layers.

Reference: McCulloch and Pitts 1943, doi:10.1007/BF02478259.

Letters: B batch, I inputs, U units of a layer.
"""

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.joined import Joined


class Unit(Settings):
    """One unit: it fires when the weighted sum of its active inputs reaches the threshold."""

    weights: tuple[float, ...] = Field((1.0, 1.0), min_length=1, description="one for each input; negative ones inhibit")
    threshold: float = 2.0


class ThresholdNetSettings(Settings):
    """Layers of units, each reading the layer before; the last is one unit, whose firing is the second class."""

    layers: tuple[tuple[Unit, ...], ...] = Field(((Unit(),),), min_length=1, description="units of each layer")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        widths = [len(layer) for layer in self.layers]
        if widths[-1] != 1:
            raise ValueError("the last layer is one unit")
        for layer, width in zip(self.layers[1:], widths, strict=False):
            if any(len(unit.weights) != width for unit in layer):
                raise ValueError(f"a unit after a layer of {width} has {width} weights")
        if len({len(unit.weights) for unit in self.layers[0]}) != 1:
            raise ValueError("units of the first layer read the same inputs, so they have equally many weights")
        return self


AND, OR = Unit(weights=(1, 1), threshold=2), Unit(weights=(1, 1), threshold=1)
NOT, BUT_NOT = Unit(weights=(-1,), threshold=0), Unit(weights=(1, -1), threshold=1)
GATES = {
    "threshold-and": ThresholdNetSettings(layers=((AND,),)),
    "threshold-or": ThresholdNetSettings(layers=((OR,),)),
    "threshold-not": ThresholdNetSettings(layers=((NOT,),)),
    "threshold-xor": ThresholdNetSettings(layers=((BUT_NOT, Unit(weights=(-1, 1), threshold=1)), (OR,))),
}


@model(
    "threshold-net",
    settings=ThresholdNetSettings,
    variants=GATES,
    tasks=("classification",),
    inputs=("numbers", "vector"),
    preference=-9,
    rule="as-built",
    paper="McCulloch and Pitts 1943, doi:10.1007/BF02478259",
)
class ThresholdNet(nn.Module):
    """Layers of threshold units with the weights of the settings; an input is active above 0 (standardised: above its mean).

    Raises:
        UsageRefusal: the first layer's weights are not as many as the inputs, or there are not two classes.
    """

    def __init__(self, ports: Ports, settings: ThresholdNetSettings) -> None:
        super().__init__()
        self.joined = Joined(ports.inputs)
        inputs = len(settings.layers[0][0].weights)
        if inputs != self.joined.width or ports.output.width != 2:
            raise UsageRefusal(
                "MODEL_PORTS",
                f"the net reads {inputs} inputs and tells 2 classes apart; the data has {self.joined.width} inputs and "
                f"{ports.output.width} classes",
                where="model threshold-net",
                why="its weights are given, one for each input",
                fix="as many weights as inputs (--set model.layers=...), or a model that learns: thalweg list models",
            )
        for number, layer in enumerate(settings.layers):
            self.register_buffer(f"weights_{number}", torch.tensor([unit.weights for unit in layer]))  # (U, I)
            self.register_buffer(f"thresholds_{number}", torch.tensor([unit.threshold for unit in layer]))
        self.depth = len(settings.layers)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to scores of the two classes (B, 2): 1 for the one that is said, 0 for the other."""
        joined = self.joined(inputs)
        active = (joined > 0).to(joined.dtype)  # (B, I)
        for number in range(self.depth):
            excited = active @ self.get_buffer(f"weights_{number}").T  # (B, U)
            active = (excited >= self.get_buffer(f"thresholds_{number}")).to(joined.dtype)
        return torch.cat([1 - active, active], 1)

    @staticmethod
    def tiny() -> tuple[Ports, ThresholdNetSettings]:
        """The smallest instance, for the contracts: AND."""
        ports = Ports((Port("numbers", "numbers", (2,)),), (Port("class", "category", (), size=2),))
        return ports, ThresholdNetSettings()

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """The four rows of the truth table of AND, twice."""
        bits = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(2, 1)
        return {"numbers": bits, "class": bits.prod(1).long()}
