"""Straight: rows of an input as they lie, for who can take scaling over into weights, or encodes few rows at a time.

Standardising a matrix goes through memory as often as a small net does; a dense layer that reads it scales for nothing.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from thalweg.fields.scale import Scale

FAR = 4.0
"""Deviations that a mean may lie from zero: what is scaled within a product loses as many times the last bit."""
SIZES = 1e-9, 1e9
"""Deviations that weights are multiplied by: what float32 holds is far beyond on both sides."""


class NotStraight(Exception):
    """Some rows are not as they should be: all are to be encoded in the usual way, which says what is wrong, and where."""


@dataclass(frozen=True)
class Straight:
    """An input whose rows can be read some at a time.

    Attributes:
        read: rows `first` to `last` (excluded) as numbers of any type (n, ...), or as codes (n, k); raises `NotStraight`.
        factor, offset: (width,) float64, of numbers in order: `number * factor + offset` is what models read; None: it is that.
    """

    read: Callable[[int, int], Tensor]
    factor: np.ndarray | None = None
    offset: np.ndarray | None = None


def straight_floats(values: np.ndarray, scale: Scale, *, gaps: bool) -> Straight:
    """Floats or whole numbers (N, ...) that a scale is for; as they lie where nothing is lost by scaling within a product.

    Args:
        gaps: NaN is the mean; otherwise, as infinity, it is not as it should be.
    """
    mean, deviation = scale.mean.ravel(), scale.deviation.ravel()
    varied = deviation > 0
    near = (deviation > SIZES[0]) & (deviation < SIZES[1]) & (np.abs(mean) <= FAR * deviation)
    lie = values.dtype in (np.float32, np.float64) and values[:1].flags.c_contiguous and values.strides[0] > 0
    if lie and near[varied].all():
        rows, middle = tensor_of(values), torch.from_numpy(scale.mean).to(tensor_of(values[:0]).dtype)
        divisor = np.where(varied, deviation, 1.0)
        return Straight(
            lambda first, last: _sound(rows[first:last], middle if gaps else None), varied / divisor, -(varied * mean) / divisor
        )

    def standardised(first: int, last: int) -> Tensor:
        some = values[first:last]
        if some.dtype.kind == "f" and (np.isinf(some).any() if gaps else not np.isfinite(some).all()):
            raise NotStraight
        return torch.from_numpy(scale.standardised(some))

    return Straight(standardised)


def tensor_of(values: np.ndarray) -> Tensor:
    """The tensor that an array is, to be read only: torch warns of an array that may not be written to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(values)


def _sound(rows: Tensor, middle: Tensor | None) -> Tensor:
    """Rows (n, ...) of floats, NaN as the middle (...) where there is one."""
    if torch.isfinite(rows.sum()):
        return rows
    if middle is None or rows.isinf().any():
        raise NotStraight
    return torch.where(rows.isnan(), middle, rows)
