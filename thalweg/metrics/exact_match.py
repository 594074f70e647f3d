"""Exact match: the share of sequences that are right from end to end."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample
from thalweg.metrics._sequences import both_sequences


@metric("exact-match", better="higher", best=1.0, unit="share", reads="tokens", target="tokens", interval="proportion")
class ExactMatch(Metric[Settings]):
    """The share of sequences whose tokens, in order, are those of the target; a negative token is none."""

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): right, 1; of tokens (B, S) and (B, T), padded with negative numbers; `mask` (B, T) hides targets."""
        said, true = both_sequences(prediction, target, mask, metric="exact-match")
        width = max(said.shape[1], true.shape[1])
        said, true = (torch.nn.functional.pad(each, (0, width - each.shape[1]), value=-1) for each in (said, true))
        right = (said == true).all(1).double()
        return torch.stack([right, torch.ones_like(right)], 1)

    def formula(self, total: Tensor) -> Tensor:
        """Right over all."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """One of two sequences is right."""
        prediction, target = torch.tensor([[1, 2, -1, -1], [3, 3, 3, -1]]), torch.tensor([[1, 2, 9], [3, 3, 9]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True, False], [True, True, False]]))
