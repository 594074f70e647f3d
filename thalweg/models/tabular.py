"""The net for tables: every input through the encoder of its kind, many perceptrons at once, and boosted trees beside them.

Each number is cut into pieces, each category looked up (see `layers/encoders`). The members of the ensemble are trained each
on its own loss and averaged in their answers. Where all inputs are plain columns, trees grown before the first step count for
half: perceptrons and trees err in different rows (see `layers/boosted_trees`).

Reference: Gorishniy, Kotelnikov & Babenko 2024, arXiv:2410.24210 (an ensemble in one net); Gorishniy et al. 2022,
arXiv:2203.05556 (numbers).

Letters: M members, B batch, C classes or values.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.boosted_trees import BoostedTrees, can_grow
from thalweg.layers.build import build_activation
from thalweg.layers.encoded import EncodedForMembers
from thalweg.layers.members import MembersDropout, SeparateLinear, SharedLinear
from thalweg.layers.start import Start, StartsFromData

FAR = 1e30
"""Farther than any standardised number, and finite as weights must be."""


class TabularSettings(Settings):
    """How many members, how wide, and how inputs are encoded."""

    members: Count = Field(8, description="perceptrons that learn side by side; their answers are averaged")
    shared: bool = Field(False, description="members share their matrices and differ in scalings; else each has its own")
    apart: bool = Field(False, description="members have vectors of columns of their own, where these cost little")
    hidden: tuple[Count, ...] = Field((96, 96), description="units of each hidden layer")
    activation: str = "relu"
    trees: int = Field(0, ge=0, le=4096, description="boosted trees in each of the sequences that answer beside; 0: none")
    depth: int = Field(4, ge=1, le=10, description="questions that a tree asks of a row")
    dropout: float = Field(0.25, ge=0, lt=1, description="share of each hidden layer's answers dropped in training")
    encoders: dict[str, dict[str, Any]] = Field(default_factory=dict, description="settings of encoders, by kind of input")


@model(
    "tabular",
    settings=TabularSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("numbers", "categories", "vector"),
    encoded=True,
    preference=0.4,
    recipe={"rate": 0.001, "batch_size": 32, "epochs": 20, "schedule": {"name": "cosine"}},
    by_task={"regression": {"recipe": {"rate": 0.002, "epochs": 60}, "settings": {"dropout": 0.05}}},
    by_rows={
        0: {"settings": {"members": 16, "apart": True, "trees": 400}},
        2_500: {"recipe": {"batch_size": 64}, "settings": {"hidden": (128, 128)}},
        8_000: {
            "recipe": {"rate": 0.002, "batch_size": 128, "epochs": 12},
            "patience": {"regression": None},
            "settings": {
                "members": 4,
                "trees": 300,
                "depth": 6,
                "hidden": (192, 192, 192),
                "encoders": {"numbers": {"bins": 128, "width": 24, "pairs": 1, "neighbours": 16_384}},
            },
        },
        20_000: {
            "recipe": {"batch_size": 256, "epochs": 12, "rate": 0.0015},
            "settings": {
                "members": 8,
                "apart": False,
                "trees": 0,
                "hidden": (192, 192),
                "encoders": {"numbers": {"bins": 128, "width": 24, "pairs": 1}},
            },
            "watched": {"classification": None},
            "patience": {"classification": None},
        },
        100_000: {"recipe": {"batch_size": 512, "epochs": 8}},
        400_000: {"recipe": {"batch_size": 1024, "epochs": 4}},
    },
    presets={"fast": {"length": 0.5, "settings": {"members": 4}}, "best": {"length": 1.5, "settings": {"members": 24}}},
    watched={"classification": "log-loss"},
    patience={"classification": 0.25, "regression": 0.25},
    fewest_steps=400,
    threads_from=1_000_000,
    paper="Gorishniy et al. 2024, arXiv:2410.24210",
)
class Tabular(nn.Module, StartsFromData):
    """An ensemble of perceptrons over encoded columns.

    In training each row is answered by every member (B, M, C), otherwise by the mean of these and of trees (B, C): of classes
    the logarithm of the mean probability; numbers no lower or higher than in the training rows.
    """

    range: Tensor

    def __init__(self, ports: Ports, settings: TabularSettings) -> None:
        super().__init__()
        self.members, self.classes = settings.members, ports.output.size is not None
        self.measured = ports.output.kind == "number"
        if self.measured:
            self.register_buffer("range", torch.tensor([[-FAR], [FAR]]).expand(2, ports.output.width).clone())
        grows = settings.trees and (self.classes or self.measured) and can_grow(ports)
        self.trees = BoostedTrees(ports, trees=settings.trees, depth=settings.depth) if grows else None
        self.encoded = EncodedForMembers(ports.inputs, settings.encoders, members=settings.members, apart=settings.apart)
        self.hidden = nn.Sequential(*_layers(self.encoded.width, settings))
        self.head = SeparateLinear([self.encoded.width, *settings.hidden][-1], ports.output.width, members=settings.members)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to (B, M, C) in training, else (B, C)."""
        x = self.encoded(inputs)  # (M, B, W)
        answers = self.head(self.hidden(x)).transpose(0, 1)  # (B, M, C)
        if self.training:
            return answers
        mean = answers.log_softmax(2).logsumexp(1) - math.log(self.members) if self.classes else answers.mean(1)
        mean = mean if self.trees is None else self.trees(inputs, mean)
        return mean.clamp(*self.range.to(mean.dtype)) if self.measured else mean

    def start(self, start: Start) -> None:
        """Note the range of the target; the encoders have started already."""
        if self.measured and start.target is not None:
            self.range.copy_(torch.stack(start.rows(start.target.name).flatten(1).aminmax(dim=0)))

    @staticmethod
    def tiny() -> tuple[Ports, TabularSettings]:
        """The smallest instance, for the contracts."""
        inputs = (Port("numbers", "numbers", (2,)), Port("categories", "categories", (1,), sizes=(4,)))
        encoders = {"numbers": {"bins": 4, "width": 4, "values": 2}}
        settings = TabularSettings(members=2, hidden=(8,), encoders=encoders, trees=2, depth=2)
        return Ports(inputs, (Port("class", "category", (), size=3),)), settings

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight rows: the category tells the class where it is known, else the sign of a number does."""
        category, numbers = torch.arange(8) % 4, torch.randn(8, 2, generator=generator)
        classes = torch.where(category > 0, category - 1, (numbers[:, 0] > 0).long())
        return {"numbers": numbers, "categories": category[:, None], "class": classes}


def _layers(width: int, settings: TabularSettings) -> Sequence[nn.Module]:
    layers: list[nn.Module] = []
    for place, units in enumerate(settings.hidden):
        if settings.shared:
            layers.append(SharedLinear(width, units, members=settings.members, apart=place == 0))
        else:
            layers.append(SeparateLinear(width, units, members=settings.members))
        layers += [build_activation(settings.activation), MembersDropout(settings.dropout)]
        width = units
    return layers
