"""Scales: mean and standard deviation per entry, by which values are standardised and put back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from thalweg.fields.restored import unreadable_encoding

AT_ONCE = 1 << 15
"""Values that are standardised at once."""


class Scale:
    """Mean and standard deviation (of any shape); entries that never vary are 0 once standardised.

    Attributes:
        mean, deviation: float64 arrays of one shape.
    """

    def __init__(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        self.mean, self.deviation = mean, deviation

    @staticmethod
    def of(values: np.ndarray, axes: tuple[int, ...] = (0,)) -> "Scale":
        """The scale of float64 values over some axes; what is not finite is left out."""
        finite = np.isfinite(values)
        count = np.maximum(finite.sum(axis=axes), 1)
        known = np.where(finite, values, 0.0)
        peak = np.maximum(np.abs(known).max(axis=axes, initial=0.0), np.finfo(np.float64).tiny)
        mean = (known / np.expand_dims(peak, axes)).sum(axis=axes) / count * peak  # by the peak: squares must not overflow
        offset = np.where(finite, (values - np.expand_dims(mean, axes)) / np.expand_dims(peak, axes), 0.0)
        deviation = np.sqrt((offset**2).sum(axis=axes) / count) * peak
        deviation[deviation <= 1e-12 * np.abs(mean)] = 0.0
        return Scale(mean, deviation)

    @staticmethod
    def none(shape: Sequence[int]) -> "Scale":
        """The scale that changes nothing."""
        return Scale(np.zeros(tuple(shape)), np.ones(tuple(shape)))

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """Float32 values (N, *shape), mean 0 and deviation 1 where they vary; NaN becomes the mean.

        Reckoned in float64, as many rows at once as lie in a processor's cache.
        """
        ready = np.empty(values.shape, dtype=np.float32)
        rows = max(1, AT_ONCE // max(1, self.mean.size))
        divisor = np.where(self.deviation > 0, self.deviation, 1.0)
        still = None if (self.deviation > 0).all() else self.deviation <= 0
        for start in range(0, len(values), rows):
            scaled = values[start : start + rows].astype(np.float64)
            scaled -= self.mean
            scaled /= divisor
            if np.isnan(scaled.max(initial=0.0)):
                scaled[np.isnan(scaled)] = 0.0
            if still is not None:
                scaled[..., still] = 0.0
            ready[start : start + rows] = scaled
        return ready

    def raw(self, standardised: np.ndarray) -> np.ndarray:
        """Float64 values in their own units."""
        return np.asarray(standardised, dtype=np.float64) * self.deviation + self.mean

    def state(self) -> dict[str, Any]:
        """The scale as JSON values."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @staticmethod
    def restored(state: Mapping[str, Any], name: str) -> "Scale":
        """The scale that `state` gave.

        Raises:
            PackageRefusal: keys are missing, shapes differ, or a figure is not finite.
        """
        try:
            mean, deviation = (np.asarray(state[key], dtype=np.float64) for key in ("mean", "deviation"))
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable_encoding(f"the scale of an encoding cannot be read: {error}", name) from None
        if mean.shape != deviation.shape or not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
            raise unreadable_encoding("the scale of an encoding is not whole", name)
        return Scale(mean, deviation)
