"""Perplexity: among how many equally likely symbols the model hesitates."""

import math

from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import MetricExample
from thalweg.metrics.log_loss import LogLoss


@metric("perplexity", better="lower", best=1.0, unit="symbols", reads="probabilities", target="classes", interval="positive")
class Perplexity(LogLoss):
    """e to the mean surprise in nats: the inverse geometric mean of the probabilities of what came."""

    def formula(self, total: Tensor) -> Tensor:
        """The exponential of surprise over shown."""
        return super().formula(total).exp()

    @staticmethod
    def example() -> MetricExample:
        """Probabilities of one half and one quarter for the truth: 2 to the power of 1.5."""
        return LogLoss.example()._replace(settings=Settings(), value=math.sqrt(8.0))
