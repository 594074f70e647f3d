"""The mean return of episodes: what an agent collects from start to end."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample, spread, summed


@metric("mean-return", better="higher", unit="reward", reads="rewards", target="none", interval="plain")
class MeanReturn(Metric[Settings]):
    """The sum of the rewards of an episode, not discounted, the mean over episodes."""

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
        return MetricExample(Settings(), rewards, torch.zeros(2), torch.tensor([[True, True, True], [True, True, False]]))
