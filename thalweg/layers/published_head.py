"""A head for classes at hand out of a published one: for each class the published output that tells it best.

Published nets were trained to tell a thousand classes apart. Where one of these is a class at hand, or goes along with it, its
row says more than a few dozen photos can; where none does, the scale that is fitted comes out near zero, and nothing is said.

References: Wortsman et al. 2022, arXiv:2109.01903 (fine-tuning from a head that was never shown the rows at hand); Li,
Grandvalet and Davoine 2018, arXiv:1802.01483 (the penalty pulls towards where learning started).

Letters: N rows, D features, K published outputs, C classes.
"""

from typing import NamedTuple, Protocol, Self, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.processes import Processes

SCALES = tuple(index / 10 for index in range(41))
"""Tried of all rows alike: 1 is as published, 0 is no opinion."""


class PublishedHead(NamedTuple):
    """Weights (K, D) and biases (K,) of a linear layer."""

    weight: Tensor
    bias: Tensor

    def for_classes(self, features: Tensor, codes: Tensor, *, classes: int, processes: Processes) -> Self:
        """The rows for classes at hand, scaled by what makes the rows' classes likeliest.

        Args:
            features: (N, D) of this process's rows.
            codes: (N,) their classes.

        Returns:
            Weights (C, D) and biases (C,).
        """
        weight, bias = (one.to(features) for one in self)
        answers = F.linear(features, weight, bias)  # (N, K)
        rows = self._telling(answers.softmax(1), F.one_hot(codes, classes).to(features), processes)
        losses = torch.stack([F.cross_entropy(scale * answers[:, rows], codes, reduction="sum") for scale in SCALES])
        [losses] = processes.sum([losses])
        scale = SCALES[int(losses.argmin())]
        return type(self)(scale * weight[rows], scale * bias[rows])

    @staticmethod
    def _telling(said: Tensor, member: Tensor, processes: Processes) -> Tensor:
        """For each class the output (C,) whose probability is on average the most higher within it than elsewhere.

        Args:
            said: (N, K) probabilities of the published outputs.
            member: (N, C) 1 in the class of each row.
        """
        within, every, counts = processes.sum([member.T @ said, said.sum(0), member.sum(0)])
        elsewhere = (every - within) / (counts.sum() - counts).clamp(min=1)[:, None]
        return (within / counts.clamp(min=1)[:, None] - elsewhere).argmax(1)


@runtime_checkable
class Published(Protocol):
    """A model that may have been filled with published weights, whose own head answered for other classes."""

    published: tuple[Tensor, Tensor] | None
