"""Nets that end in one linear layer over features that they do not learn: what a rule in closed form can solve."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class LinearHead(nn.Module, ABC):
    """A net whose answer is `head(features(inputs))`.

    Attributes:
        head: the linear layer, all that is learned.
    """

    head: nn.Linear

    @property
    def sorts(self) -> Tensor | None:
        """(F,) the number of each feature's sort, from 0, where there are several, each with a solution of its own."""
        return None

    @abstractmethod
    def features(self, **inputs: Tensor) -> Tensor:
        """What the head reads (B, F) of inputs by their ports' names."""
