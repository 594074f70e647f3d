"""Series as their values, and a summary of each channel: level, spread, range, roughness and slow rhythm."""

import numpy as np

from thalweg.core.registry import features
from thalweg.evaluation.warping import stretched
from thalweg.fields.ports import Port

LONGEST = 1024
"""Values that stand side by side; longer series are averaged down to this."""
RHYTHMS = 8


@features("series")
def series(values: np.ndarray, port: Port) -> np.ndarray:
    """(N, C·(T + 5 + rhythms)) of standardised series (N, C, T); where lengths vary each is stretched to the longest."""
    values = values.reshape(len(values), -1, values.shape[-1])
    values = stretched(values, port.longest or values.shape[-1]) if port.masked else values
    step = -(-values.shape[1] * values.shape[2] // LONGEST)
    kept = values[:, :, : values.shape[2] // step * step].reshape(*values.shape[:2], -1, step).mean(axis=3)
    return np.concatenate([kept.reshape(len(values), -1), _summary(values)], axis=1).astype(np.float32)


def _summary(values: np.ndarray) -> np.ndarray:
    steps = np.diff(values, axis=2) if values.shape[2] > 1 else np.zeros_like(values)
    level = [values.mean(2), values.std(2), values.min(2), values.max(2), np.abs(steps).mean(2)]
    rhythm = np.abs(np.fft.rfft(values, axis=2))[:, :, 1 : RHYTHMS + 1] / values.shape[2]
    return np.concatenate([np.stack(level, axis=2), rhythm], axis=2).reshape(len(values), -1)
