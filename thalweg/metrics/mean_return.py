"""The mean return of episodes: what an agent collects from start to end."""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, spread, summed


class MeanReturnSettings(Settings):
    """What is known of the episodes."""

    most: float | None = Field(default=None, description="the highest return that an episode can have, where that is known")


@metric(
    "mean-return",
    settings=MeanReturnSettings,
    better="higher",
    unit="reward",
    reads="rewards",
    target="none",
    interval="plain",
)
class MeanReturn(Metric[MeanReturnSettings]):
    """The sum of the rewards of an episode, not discounted, the mean over episodes."""

    @property
    def best(self) -> float | None:
        """The highest return, where it is known."""
        return self.settings.most

    def rows(self, prediction: Tensor, target: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """(B, 2): return, counts; of returns (B,) or rewards (B, T).

        `target` is not read; `mask` hides steps, and an episode that shows none does not count.
        """
        returns = summed(prediction, mask)
        counts = torch.ones_like(returns) if mask is None else spread(mask, prediction).reshape(len(mask), -1).any(1).double()
        return torch.stack([returns, counts], 1)

    def formula(self, total: Tensor) -> Tensor:
        """Returns over episodes."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Returns of 3 and 1: 2."""
        rewards = torch.tensor([[1.0, 2.0, 0.0], [1.0, 0.0, 5.0]])
        return MetricExample(
            MeanReturnSettings(), rewards, torch.zeros(2), torch.tensor([[True, True, True], [True, True, False]])
        )
