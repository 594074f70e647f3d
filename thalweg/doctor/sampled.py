"""A sampled step: its figures put together into one line of the trace."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from thalweg.doctor import answers
from thalweg.doctor.answers import Reading
from thalweg.doctor.figures import Figures
from thalweg.doctor.layers import LayersLook
from thalweg.doctor.lines import Labels, Sample
from thalweg.doctor.weights import ALL

MOVE, GRADIENT, LABELS = "move", "gradient", "labels"

ENDLESS = 1e38
"""What stands for a norm that is not finite."""


def add_moves(figures: Figures, moves: Sequence[Tensor]) -> None:
    """How far each matrix was moved, () each."""
    for number, move in enumerate(moves):
        figures.add((MOVE, number), move)


def add_gradients(figures: Figures, gradients: Mapping[str, Tensor]) -> None:
    """The size of the gradient by layer, () each."""
    for name, gradient in gradients.items():
        figures.add((GRADIENT, name), gradient)


def labels_seen(former: Tensor | None, reading: Reading | None, figures: Figures) -> Tensor | None:
    """How often each class was seen (K,), this step's included; their entropy and the commonest share go to the figures."""
    now = reading.counts if reading is not None else None
    alike = former is not None and now is not None and former.shape == now.shape
    seen = former + now if alike and former is not None and now is not None else former if now is None else now
    if seen is not None:
        figures.add((LABELS, "entropy"), answers.entropy(seen))
        figures.add((LABELS, "majority"), seen.max() / seen.sum().clamp(min=1))
    return seen


def sample_of(step: int, figures: Figures, layers: LayersLook, reading: Reading | None) -> Sample:
    """The line of a step; all figures are waited for here."""
    told = figures.read()
    by_kind: dict[Any, dict[Any, float | None]] = {MOVE: {}, GRADIENT: {}, LABELS: {}}
    for key, value in told.items():
        if isinstance(key, tuple) and isinstance(key[0], str) and key[0] in by_kind:
            by_kind[key[0]][key[1]] = value
    labels = by_kind[LABELS]
    return Sample(
        step=step,
        ratio=_median(list(by_kind[MOVE].values())),
        norm=_norm(by_kind[GRADIENT]),
        layers=layers.lines(told, by_kind[GRADIENT]),
        answers=reading.answers(told) if reading is not None else None,
        labels=_labels(labels.get("entropy"), labels.get("majority")),
    )


def _norm(gradients: Mapping[Any, float | None]) -> float | None:
    """None where there were no gradients."""
    norm = gradients.get(ALL)
    return ENDLESS if ALL in gradients and norm is None else norm


def _labels(entropy: float | None, majority: float | None) -> Labels | None:
    return None if entropy is None or majority is None else Labels(entropy=entropy, majority=majority)


def _median(values: Sequence[float | None]) -> float | None:
    """Of what moved; what stood still is another matter."""
    there = sorted(ENDLESS if one is None else one for one in values if one is None or one > 0)
    return there[len(there) // 2] if there else (0.0 if values else None)
