"""The default for texts: naive Bayes, a bag of words and convolutional nets, each with a loss of its own, answers averaged.

Naive Bayes counts what there is, however rare; a bag of words weighs it by slopes; convolutions see how words stand together.
They err on different texts, so that their mean is better than either (LOG.md). `text-bag` leaves the convolutions
out: the quickest.

Reference: Wang & Manning 2012, ACL 90-94; Joulin et al. 2017, arXiv:1607.01759; Kim 2014, arXiv:1408.5882; Hansen and Salamon
1990, doi:10.1109/34.58871.

Letters: B batch, M members, C classes or values.
"""

import math

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.fields.ports import Ports
from thalweg.layers.encoded import Encoded
from thalweg.layers.encoders.text import TextSettings
from thalweg.layers.naive_bayes import NaiveBayes
from thalweg.layers.tiny_texts import tiny_ports, tiny_rows
from thalweg.models.text_convolution import TextConvolution, TextConvolutionSettings


class TextCommitteeSettings(TextConvolutionSettings):
    """How many convolutional nets there are, their settings, and those of the bag of words."""

    nets: int = Field(2, ge=0, le=100, description="convolutional nets beside the bag of words")
    bag: TextSettings = Field(TextSettings(buckets=1 << 16), description="vectors of the bag of words")


VARIANTS = {"text-bag": TextCommitteeSettings(nets=0)}


@model(
    "text-committee",
    settings=TextCommitteeSettings,
    variants=VARIANTS,
    tasks=("classification", "regression", "multi-label"),
    inputs=("text",),
    preference=0.6,
    recipe={"rate": 0.002, "batch_size": 64, "epochs": 20},
    by_rows={
        1000: {"recipe": {"epochs": 10}},
        4000: {"recipe": {"epochs": 6}},
        6000: {"recipe": {"epochs": 3}},
    },
    presets={"fast": {"length": 0.5, "settings": {"nets": 1}}, "best": {"length": 1.0, "settings": {"nets": 5}}},
    paper="Wang & Manning 2012, ACL 90-94; Joulin et al. 2017, arXiv:1607.01759; Kim 2014, arXiv:1408.5882",
)
class TextCommittee(nn.Module):
    """One or more texts; in training every member that learns answers each row (B, M, C), else their mean does (B, C)."""

    def __init__(self, ports: Ports, settings: TextCommitteeSettings) -> None:
        super().__init__()
        self.counted = None if ports.output.size is None else NaiveBayes(ports)
        self.bag = Encoded(ports.inputs, {port.kind: settings.bag.model_dump() for port in ports.inputs})
        self.head = nn.Linear(self.bag.width, ports.output.width)
        self.nets = nn.ModuleList(TextConvolution(ports, settings) for _ in range(settings.nets))

    def forward(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to (B, M, C) in training, else (B, C): of classes the log of the mean probability."""
        answers = [self.head(self.bag(inputs)), *(net(**inputs) for net in self.nets)]
        if self.training:
            return torch.stack(answers, 1)  # (B, M, C)
        if self.counted is None:
            return torch.stack(answers, 1).mean(1)
        together = torch.stack([self.counted(inputs), *answers], 1).log_softmax(2)
        return together.logsumexp(1) - math.log(together.shape[1])

    @staticmethod
    def tiny() -> tuple[Ports, TextCommitteeSettings]:
        """The smallest instance, for the contracts."""
        convolutions = {"width": 8, "maps": 8, "spans": (2,), "dropout": 0.1, "left_out": 0.1, "pieces": 64}
        bag = TextSettings(width=8, buckets=64, left_out=0.1)
        return tiny_ports(), TextCommitteeSettings(nets=1, bag=bag, **convolutions)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight texts; the class is told by one word."""
        return tiny_rows(generator)
