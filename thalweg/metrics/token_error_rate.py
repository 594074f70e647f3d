"""Token error rate: edits per token of the target (of words, the word error rate; of letters, the character error rate)."""

import torch
from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import Metric, MetricExample
from thalweg.metrics._sequences import both_sequences, edit_distance, length


@metric("token-error-rate", better="lower", best=0.0, unit="share", reads="tokens", target="tokens", interval="positive")
class TokenErrorRate(Metric[Settings]):
    """The edits that all sequences need, over the tokens of all targets; may exceed 1. A negative token is none."""

    undefined = "the targets hold no token"

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): edits, tokens; of (B, S) and (B, T), padded with negative numbers; `mask` (B, T) hides targets."""
        said, true = both_sequences(prediction, target, mask, metric="token-error-rate")
        return torch.stack([edit_distance(said, true), length(true)], 1).double()

    def formula(self, total: Tensor) -> Tensor:
        """Edits over tokens."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """One insertion too many against four tokens."""
        prediction, target = torch.tensor([[1, 2, -1, -1], [3, 3, 3, -1]]), torch.tensor([[1, 2, 9], [3, 3, 9]])
        return MetricExample(Settings(), prediction, target, torch.tensor([[True, True, False], [True, True, False]]))
