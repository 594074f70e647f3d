"""What a metric is: a row of statistics for each example, and a formula over their sum (or over all rows).

Rows make every metric exact over any split of the data, on any number of processes, and with an example left out or
weighted. They are float64, so that hundreds of millions of examples add up.

Axes: B batch, n examples, P any further positions, C classes, k statistics of a row.
"""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.settings import Settings

S = TypeVar("S", bound=Settings)


class MetricExample(NamedTuple):
    """The smallest instance of a metric: settings and tensors small enough to check by hand.

    Attributes:
        value: what the metric comes to here, found by hand or by an independent implementation.
    """

    settings: Settings
    prediction: Tensor
    target: Tensor
    mask: Tensor | None = None
    value: float | None = None


class Metric(ABC, Generic[S]):
    """The base of every metric.

    Attributes:
        additive: the formula takes the sum of the rows, so a row times a weight weighs the example. Otherwise it takes all
            rows, and the last statistic of a row is its weight.
        undefined: when there is no value; shown beside the `None` that `value` then returns.
    """

    additive: ClassVar[bool] = True
    undefined: ClassVar[str] = "there are no examples"

    def __init__(self, settings: S) -> None:
        self.settings = settings

    @property
    def best(self) -> float | None:
        """The value that nothing can surpass; None where there is no such value, or it is not known."""
        best: float | None = self.declaration.facts.get("best")  # type: ignore[attr-defined]
        return best

    @abstractmethod
    def rows(self, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The statistics of each example.

        Args:
            prediction: (B, ...) what the declaration says it reads.
            target: (B, ...) what is true.
            mask: bool, shaped like the leading axes of the target; False hides a position, whatever it holds.

        Returns:
            (B, k) float64, on the device of the prediction.
        """

    @abstractmethod
    def formula(self, total: Tensor) -> Tensor:
        """The metric as a tensor, not a number where it is undefined.

        Args:
            total: (..., k) sums of rows, or (n, k) all rows when the metric is not additive.

        Returns:
            (...) float64, or a single value when the metric is not additive.
        """

    def value(self, total: Tensor) -> float | None:
        """The metric of one sum of rows (k,), or of all rows (n, k); None where it is undefined, never nan."""
        number = float(self.formula(total))
        return number if math.isfinite(number) else None

    @staticmethod
    @abstractmethod
    def example() -> MetricExample:
        """The smallest instance, from which contracts and the documentation live."""


def summed(values: Tensor, mask: Tensor | None) -> Tensor:
    """(B,) float64 sums of (B, P...) over the positions that the mask shows.

    Raises:
        UsageRefusal: the mask is not shaped like the leading axes of `values`.
    """
    flat = side_by_side(values)  # (B, P)
    if mask is None:
        return flat.double().sum(1)
    return torch.where(spread(mask, values).reshape(flat.shape), flat, 0).double().sum(1)


def side_by_side(values: Tensor) -> Tensor:
    """(B, P) of (B, P...), also of no examples at all."""
    return values.flatten(1) if values.ndim > 1 else values[:, None]


def spread(mask: Tensor, values: Tensor) -> Tensor:
    """The mask repeated over the axes that `values` has beyond it."""
    if values.shape[: mask.ndim] != mask.shape:
        raise UsageRefusal(
            "METRIC_MASK_SHAPE",
            f"the mask has shape {tuple(mask.shape)}, the values have {tuple(values.shape)}",
            where="mask of the metric",
            why="a mask says which examples and positions count",
            fix="give it the leading axes of the target",
        )
    return mask.bool().reshape(mask.shape + (1,) * (values.ndim - mask.ndim)).expand_as(values)


def shape_refusal(prediction: Tensor, target: Tensor, *, metric: str, why: str) -> UsageRefusal:
    """The refusal, ready to raise, of a prediction and a target whose shapes do not fit the metric."""
    return UsageRefusal(
        "METRIC_SHAPE",
        f"the prediction has shape {tuple(prediction.shape)}, the target {tuple(target.shape)}",
        where=f"metric {metric}",
        why=why,
        fix=f'give what `thalweg info {metric}` says under "reads" and "target"',
    )


def require_same_shape(prediction: Tensor, target: Tensor, *, metric: str) -> None:
    """Refuse what broadcasting would otherwise compare with everything.

    Raises:
        UsageRefusal: the shapes differ.
    """
    if prediction.shape != target.shape:
        raise shape_refusal(prediction, target, metric=metric, why="each prediction needs exactly one target")
