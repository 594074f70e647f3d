"""Log loss: how surprised the predicted probabilities are by the truth."""

import torch
from torch import Tensor

from thalweg.core.known_classes import with_known_classes
from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._counting import probabilities_by_class
from thalweg.metrics._metric import Metric, MetricExample, summed


@metric("log-loss", better="lower", best=0.0, unit="nats", reads="probabilities", target="classes", interval="positive")
class LogLoss(Metric[Settings]):
    """-log of the probability given to the true class, the mean over shown positions, in nats.

    Probabilities are kept off 0 by the resolution of their own dtype, as scikit-learn does.
    """

    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, 2): surprise, shown; of probabilities (B, P..., C), or of class 1 (B, P...), and classes (B, P...)."""
        p = probabilities_by_class(prediction, target, metric="log-loss")
        true = (target if mask is None else target.masked_fill(~mask.bool(), 0)).long()
        tiny = torch.finfo(prediction.dtype).eps
        given = with_known_classes(lambda: p.gather(-1, true[..., None]), true, p.shape[-1], where="metric log-loss")[..., 0]
        surprise = -given.double().clamp(tiny, 1 - tiny).log()
        return torch.stack([summed(surprise, mask), summed(torch.ones_like(surprise), mask)], 1)

    def formula(self, total: Tensor) -> Tensor:
        """Surprise over shown."""
        return total[..., 0] / total[..., 1]

    @staticmethod
    def example() -> MetricExample:
        """Probabilities of one half and one quarter for the truth: 1.5 log 2."""
        prediction = torch.tensor([[0.5, 0.3, 0.2], [0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
        return MetricExample(Settings(), prediction, torch.tensor([0, 1, 2]), torch.tensor([True, True, False]))
