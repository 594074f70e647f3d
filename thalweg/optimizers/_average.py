"""Followers: copies of a model that move after each step, and ship in the place of its last weights.

An average over the steps is calmer than any one of them; weights between those that a stage began with and those that it
learned keep more of what the first ones knew.

References: Polyak and Juditsky 1992, doi:10.1137/0330046 (average; the warm-up of its decay is that of TensorFlow's moving
average); Wortsman et al. 2022, arXiv:2109.01903 (WiSE-FT: between published weights and fine-tuned ones).
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Follower(ABC):
    """A copy of a model whose weights are made of those that the model had and has.

    Attributes:
        module: the copy.
    """

    def __init__(self, model: nn.Module) -> None:
        self.module = copy.deepcopy(model).requires_grad_(False)

    @property
    def note(self) -> str:
        """What ships, in a sentence; empty where the rule's settings say enough."""
        return ""

    @abstractmethod
    def update(self, model: nn.Module) -> None:
        """Take in the model's weights after a step."""

    @abstractmethod
    def shares(self, updates: int) -> list[float]:
        """How far each of the next updates goes from what it holds to what it follows."""

    @abstractmethod
    def follow(self, model: nn.Module, share: Tensor) -> None:
        """An update that waits for nothing, by a share () on the device: as `shares` says, or 0 where nothing is to change.

        The weights have then not changed since the last update; `count_on` counts it.
        """

    def count_on(self, updates: int) -> None:
        """So many updates were made by `follow`."""

    @abstractmethod
    def reset(self, model: nn.Module) -> None:
        """Start again from the model's present weights, which something other than a step has changed."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """The copy's weights, and all else that is remembered."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""


class Average(Follower):
    """The exponential average of a model's weights; buffers (running statistics) are copied as they are.

    Args:
        decay: share of the average that stays at each step, in [0, 1); early on (1 + n) / (10 + n) where that is smaller.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay, self.count = decay, 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        ours: list[Tensor] = list(self.module.parameters())
        theirs = [parameter.detach() for parameter in model.parameters()]
        torch._foreach_lerp_(ours, theirs, 1.0 - self._decay(self.count))
        for mine, its in zip(self.module.buffers(), model.buffers(), strict=True):
            mine.copy_(its)
        self.count += 1

    def _decay(self, count: int) -> float:
        return min(self.decay, (1 + count) / (10 + count))

    def shares(self, updates: int) -> list[float]:
        return [1.0 - self._decay(self.count + more) for more in range(updates)]

    @torch.no_grad()
    def follow(self, model: nn.Module, share: Tensor) -> None:
        ours: list[Tensor] = list(self.module.parameters())
        theirs = [parameter.detach() for parameter in model.parameters()]
        torch._foreach_lerp_(ours, theirs, [share.to(one.dtype) for one in ours])
        for mine, its in zip(self.module.buffers(), model.buffers(), strict=True):
            mine.copy_(its)

    def count_on(self, updates: int) -> None:
        self.count += updates

    def reset(self, model: nn.Module) -> None:
        self.module.load_state_dict(model.state_dict())
        self.count = 0

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.count = state["count"]


class Between(Follower):
    """Weights on the straight line from those that a stage began with to those that the model has; running statistics too.

    What is counted in whole numbers is copied.

    Args:
        share: of the way, in (0, 1): alpha in section 3 of the paper.

    Reference: Wortsman et al. 2022, arXiv:2109.01903.
    """

    def __init__(self, model: nn.Module, share: float) -> None:
        super().__init__(model)
        self.share, self.start = share, copy.deepcopy(self.module)

    @property
    def note(self) -> str:
        way = "halfway" if self.share == 0.5 else f"{self.share:g} of the way"
        return f"what ships lies {way} from the weights that the stage begins with to those that it learns"

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        for mine, began, now in zip(*map(_tensors, (self.module, self.start, model)), strict=True):
            if mine.is_floating_point():
                torch.lerp(began, now.detach(), self.share, out=mine)
            else:
                mine.copy_(now)

    def shares(self, updates: int) -> list[float]:
        return [self.share] * updates

    def follow(self, model: nn.Module, share: Tensor) -> None:
        self.update(model)  # which ends where it was where the model did not move

    def reset(self, model: nn.Module) -> None:
        self.start.load_state_dict(model.state_dict())
        self.module.load_state_dict(model.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return {"module": self.module.state_dict(), "start": self.start.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.module.load_state_dict(state["module"])
        self.start.load_state_dict(state["start"])


def _tensors(module: nn.Module) -> list[Tensor]:
    """Parameters, then buffers."""
    return [*module.parameters(), *module.buffers()]
