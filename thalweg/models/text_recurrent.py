"""Texts read word by word: a recurrent net in both directions, and over its states their greatest and their mean values.

Measured (LOG.md), default settings: LSTM .803, GRU .791 on SST-2's development part (one seed each, 5 epochs).

Reference: Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735 (LSTM); Cho et al. 2014, arXiv:1406.1078 (GRU).

Letters: B batch, L words, W width of a state.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.dropped import Dropout
from thalweg.layers.padded_recurrence import PaddedRecurrence
from thalweg.layers.tiny_texts import tiny_ports, tiny_rows
from thalweg.layers.word_convolution import WordVectors


class TextRecurrentSettings(Settings):
    """The kind of cell, widths, and how much is left out in training."""

    cell: Literal["lstm", "gru"] = "gru"
    width: Count = Field(64, description="numbers that stand for a word")
    units: Count = Field(64, description="recurrent units in each direction")
    both: bool = Field(True, description="texts are read backwards too")
    dropout: float = Field(0.5, ge=0, lt=1, description="share of the summary dropped in training")
    left_out: float = Field(0.3, ge=0, lt=1, description="share of the words that count as unknown in training")
    faster: float = Field(3.0, gt=0, le=100, description="rate of the words' vectors, as a multiple of the others'")


VARIANTS = {"text-lstm": TextRecurrentSettings(cell="lstm"), "text-gru": TextRecurrentSettings(cell="gru")}


@model(
    "text-recurrent",
    settings=TextRecurrentSettings,
    variants=VARIANTS,
    tasks=("classification", "regression", "multi-label"),
    inputs=("text",),
    recipe={"rate": 0.002, "batch_size": 64, "clip": 1.0, "epochs": 15},
    by_rows={1000: {"recipe": {"epochs": 10}}, 4000: {"recipe": {"epochs": 5}}, 50_000: {"recipe": {"epochs": 3}}},
    paper="Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735; Cho et al. 2014, arXiv:1406.1078",
)
class TextRecurrent(nn.Module):
    """One or more texts, each with words and states of its own."""

    def __init__(self, ports: Ports, settings: TextRecurrentSettings) -> None:
        super().__init__()
        self.readers = nn.ModuleDict({port.name: Reader(port, settings) for port in ports.inputs})
        self.dropout = Dropout(settings.dropout)
        width = 2 * settings.units * (2 if settings.both else 1) * len(self.readers)
        self.head = nn.Linear(width, ports.output.width)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, 2 W for each text)."""
        return self.dropout(torch.cat([read(inputs[name], inputs[f"{name}_mask"]) for name, read in self.readers.items()], 1))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, TextRecurrentSettings]:
        """The smallest instance, for the contracts."""
        return tiny_ports(), TextRecurrentSettings(width=8, units=8, dropout=0.1, left_out=0.1)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight texts; the class is told by one word."""
        return tiny_rows(generator)


class Reader(nn.Module):
    """One text (B, L, columns) to the greatest and the mean of its states (B, 2 W); zeros for a text without words."""

    def __init__(self, port: Port, settings: TextRecurrentSettings) -> None:
        super().__init__()
        self.words = WordVectors(port.sizes[0], settings.width, left_out=settings.left_out, faster=settings.faster)
        self.recurrence = PaddedRecurrence(settings.width, settings.units, cell=settings.cell, both=settings.both)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, L, columns) with a mask (B, L), words first, to (B, 2 W)."""
        states = self.recurrence(self.words(x, mask), mask)  # (B, L, W), zeros at padding
        lowest = torch.finfo(states.dtype).min
        greatest = states.masked_fill(~mask[..., None], lowest).amax(1)
        greatest = torch.where(mask.any(1)[:, None], greatest, 0.0)
        return torch.cat([greatest, states.sum(1) / mask.sum(1, keepdim=True).clamp(min=1).to(states.dtype)], 1)
