"""Weight averaging: an exponential average of a model's parameters, whose copy is what ships.

Reference: Polyak and Juditsky 1992, doi:10.1137/0330046; the warm-up of the decay is that of TensorFlow's moving average.
"""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """The exponential average of a model's weights.

    Args:
        decay: share of the average that stays at each step, in [0, 1); early on (1 + n) / (10 + n) where that is smaller.

    Attributes:
        module: a copy of the model that holds the average; buffers (running statistics) are copied as they are.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.module = copy.deepcopy(model).requires_grad_(False)

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move the average towards the model's present weights."""
        decay = min(self.decay, (1 + self.count) / (10 + self.count))
        ours: list[Tensor] = list(self.module.parameters())
        theirs = [parameter.detach() for parameter in model.parameters()]
        torch._foreach_lerp_(ours, theirs, 1.0 - decay)
        for mine, its in zip(self.module.buffers(), model.buffers(), strict=True):
            mine.copy_(its)
        self.count += 1

    def reset(self, model: nn.Module) -> None:
        """Start again from the model's present weights, which something other than a step has changed."""
        self.module.load_state_dict(model.state_dict())
        self.count = 0

    def state_dict(self) -> dict[str, Any]:
        """The averaged weights and how many steps went into them."""
        return {"module": self.module.state_dict(), "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.module.load_state_dict(state["module"])
        self.count = state["count"]
