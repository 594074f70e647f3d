"""Bits per symbol: how much of a code the text would take, written by the best code for the model's probabilities.

Reference: Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x, theorem 9; of characters it is called bits per character.
"""

import math

from torch import Tensor

from thalweg.core.registry import metric
from thalweg.core.settings import Settings
from thalweg.metrics._metric import MetricExample
from thalweg.metrics.log_loss import LogLoss


@metric("bits-per-symbol", better="lower", best=0.0, unit="bits", reads="probabilities", target="classes", interval="positive")
class BitsPerSymbol(LogLoss):
    """The mean surprise to base 2."""

    def formula(self, total: Tensor) -> Tensor:
        """Surprise over shown, in bits."""
        return super().formula(total) / math.log(2.0)

    @staticmethod
    def example() -> MetricExample:
        """Probabilities of one half and one quarter for the truth: one and a half bits."""
        return LogLoss.example()._replace(settings=Settings(), value=1.5)
