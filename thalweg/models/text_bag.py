"""A bag of words, pairs of words and pieces of words: one vector for a text, one linear layer. The quickest net for texts.

Reference: Joulin et al. 2017, arXiv:1607.01759.

Letters: B batch, D width, C classes.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count, Settings
from thalweg.fields.ports import Ports
from thalweg.layers.bag_of_words import BagOfWords
from thalweg.layers.encoders.text import TextSettings
from thalweg.layers.tiny_texts import tiny_ports, tiny_rows


class TextBagSettings(Settings):
    """How wide, how many n-grams are told apart, and how many words are left out in training."""

    width: Count = Field(16, description="numbers that stand for a text")
    buckets: int = Field(1 << 16, ge=16, le=1 << 22, description="vectors shared by pairs and pieces of words, by hash")
    left_out: float = Field(0.4, ge=0, lt=1, description="share of the words dropped in training")
    pairs: float = Field(0.5, ge=0, le=10, description="weight of a pair of words, where that of a word is 1")


@model(
    "text-bag",
    settings=TextBagSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("text",),
    preference=0.3,
    recipe={"rate": 0.003, "batch_size": 128, "epochs": 20},
    by_rows={1000: {"recipe": {"epochs": 10}}, 4000: {"recipe": {"epochs": 5}}, 50_000: {"recipe": {"epochs": 3}}},
    paper="Joulin et al. 2017, arXiv:1607.01759",
)
class TextBag(nn.Module):
    """One or more texts; starts as a naive Bayes classifier does."""

    def __init__(self, ports: Ports, settings: TextBagSettings) -> None:
        super().__init__()
        given = TextSettings(width=settings.width, buckets=settings.buckets, left_out=settings.left_out, pairs=settings.pairs)
        self.bag = BagOfWords(ports, given)

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port)."""
        answer: Tensor = self.bag(inputs)
        return answer

    @staticmethod
    def tiny() -> tuple[Ports, TextBagSettings]:
        """The smallest instance, for the contracts."""
        return tiny_ports(), TextBagSettings(width=8, buckets=64, left_out=0.1)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight texts; the class is told by one word."""
        return tiny_rows(generator)
