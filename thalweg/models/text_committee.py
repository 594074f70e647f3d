"""The default for texts: a bag of words and several convolutional nets, each learning by its own loss, their answers averaged.

A bag sees which words there are, however rare; convolutions see how they stand together. They err on different texts, so that
their mean is better than either (LOG.md).

Reference: Joulin et al. 2017, arXiv:1607.01759; Kim 2014, arXiv:1408.5882; Hansen and Salamon 1990, doi:10.1109/34.58871.

Letters: B batch, M members, C classes or values.
"""

import math

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Count
from thalweg.fields.ports import Ports
from thalweg.layers.bag_of_words import BagOfWords
from thalweg.layers.encoders.text import TextSettings
from thalweg.layers.tiny_texts import tiny_ports, tiny_rows
from thalweg.models.text_convolution import TextConvolution, TextConvolutionSettings


class TextCommitteeSettings(TextConvolutionSettings):
    """How many convolutional nets sit beside the bag, their settings, and those of the bag."""

    nets: Count = Field(3, description="convolutional nets beside the bag")
    bag_width: Count = Field(16, description="numbers that stand for a text in the bag")
    buckets: int = Field(1 << 16, ge=16, le=1 << 22, description="vectors shared by pairs and pieces of words, by hash")
    bag_left_out: float = Field(0.4, ge=0, lt=1, description="share of the words that the bag drops in training")
    pairs: float = Field(0.5, ge=0, le=10, description="weight of a pair of words in the bag, where that of a word is 1")


@model(
    "text-committee",
    settings=TextCommitteeSettings,
    tasks=("classification", "regression", "multi-label"),
    inputs=("text",),
    preference=0.6,
    recipe={"rate": 0.002, "batch_size": 64, "epochs": 20},
    by_rows={
        1000: {"recipe": {"epochs": 12}},
        4000: {"recipe": {"epochs": 8}},
        6000: {"recipe": {"epochs": 6}},
        50_000: {"recipe": {"epochs": 3}},
    },
    paper="Joulin et al. 2017, arXiv:1607.01759; Kim 2014, arXiv:1408.5882",
)
class TextCommittee(nn.Module):
    """One or more texts; in training each row is answered by every member (B, M, C), else by their mean (B, C)."""

    def __init__(self, ports: Ports, settings: TextCommitteeSettings) -> None:
        super().__init__()
        self.classes = ports.output.size is not None
        bag = TextSettings(
            width=settings.bag_width, buckets=settings.buckets, left_out=settings.bag_left_out, pairs=settings.pairs
        )
        self.bag = BagOfWords(ports, bag)
        self.nets = nn.ModuleList(TextConvolution(ports, settings) for _ in range(settings.nets))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to (B, M, C) in training, else (B, C): of classes the log of the mean probability."""
        answers = torch.stack([self.bag(inputs), *(net(**inputs) for net in self.nets)], 1)  # (B, M, C)
        if self.training:
            return answers
        if self.classes:
            return answers.log_softmax(2).logsumexp(1) - math.log(answers.shape[1])
        return answers.mean(1)

    @staticmethod
    def tiny() -> tuple[Ports, TextCommitteeSettings]:
        """The smallest instance, for the contracts."""
        convolutions = {"width": 8, "maps": 8, "spans": (2,), "dropout": 0.1, "left_out": 0.1}
        return tiny_ports(), TextCommitteeSettings(nets=1, bag_width=8, buckets=64, bag_left_out=0.1, **convolutions)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight texts; the class is told by one word."""
        return tiny_rows(generator)
