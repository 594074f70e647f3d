"""Kim's net for sentences: convolutions over the words of a text, the strongest answer of each, one linear layer.

Measured (LOG.md), default settings: .792 and .810 on SST-2's development part (two seeds, 3 epochs); .860 on a fifth of TREC's
training rows (one seed, 6 epochs).

Reference: Kim 2014, arXiv:1408.5882.

Letters: B batch.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.dropped import Dropout
from thalweg.layers.tiny_texts import tiny_ports, tiny_rows
from thalweg.layers.word_convolution import WordConvolution, WordVectors


class TextConvolutionSettings(Settings):
    """Widths, and how much is left out in training."""

    width: Count = Field(64, description="numbers that stand for a word")
    maps: Count = Field(64, description="patterns of each span")
    spans: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        (2, 3, 4), min_length=1, description="words that a pattern spans"
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="share of the patterns dropped in training")
    left_out: float = Field(0.3, ge=0, lt=1, description="share of the words that count as unknown in training")
    faster: float = Field(3.0, gt=0, le=100, description="rate of the words' vectors, as a multiple of the others'")
    pieces: int = Field(1 << 15, ge=0, le=1 << 22, description="vectors of pieces of words, by hash; 0: none")


VARIANTS = {"kim2014": TextConvolutionSettings(width=300, maps=100, spans=(3, 4, 5), left_out=0.0, faster=1.0, pieces=0)}


@model(
    "text-cnn",
    settings=TextConvolutionSettings,
    variants=VARIANTS,
    tasks=("classification", "regression", "multi-label"),
    inputs=("text",),
    preference=0.2,
    recipe={"rate": 0.002, "batch_size": 64, "epochs": 20},
    by_rows={
        1000: {"recipe": {"epochs": 10}},
        4000: {"recipe": {"epochs": 6}},
        6000: {"recipe": {"epochs": 3}},
    },
    paper="Kim 2014, arXiv:1408.5882",
)
class TextConvolution(nn.Module):
    """One or more texts, each with words and patterns of its own."""

    def __init__(self, ports: Ports, settings: TextConvolutionSettings) -> None:
        super().__init__()
        self.trunks = nn.ModuleDict({port.name: _trunk(port, settings) for port in ports.inputs})
        self.dropout = Dropout(settings.dropout)
        width = settings.maps * len(settings.spans) * len(self.trunks)
        self.head = nn.Linear(width, ports.output.width)

    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, patterns)."""
        return self.dropout(torch.cat([trunk(inputs[name], inputs[f"{name}_mask"]) for name, trunk in self.trunks.items()], 1))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.head(self.features(**inputs))
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, TextConvolutionSettings]:
        """The smallest instance, for the contracts."""
        return tiny_ports(), TextConvolutionSettings(width=8, maps=8, spans=(2,), dropout=0.1, left_out=0.1, pieces=64)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight texts; the class is told by one word."""
        return tiny_rows(generator)


def _trunk(port: Port, settings: TextConvolutionSettings) -> WordConvolution:
    words = WordVectors(
        port.sizes[0], settings.width, pieces=settings.pieces, left_out=settings.left_out, faster=settings.faster
    )
    return WordConvolution(words, settings.width, settings.maps, settings.spans)
