"""Losses and metrics once more, by numpy, scipy and scikit-learn in float64, on cases by number."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.special
import scipy.stats
import sklearn.metrics

ROWS, CLASSES, LABELS, WIDTH = 12, 4, 3, 5

Numbers = np.ndarray


class Case(NamedTuple):
    """What is judged, what is true, and the settings that the part is made with."""

    output: Numbers
    target: Numbers
    settings: dict[str, Any]


def values(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return 2 * random.normal(size=(ROWS, WIDTH)), 2 * random.normal(size=(ROWS, WIDTH))


def logits(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    target = np.concatenate([np.arange(CLASSES), random.integers(0, CLASSES, ROWS - CLASSES)])  # no class without a row
    return 2 * random.normal(size=(ROWS, CLASSES)), target


def labels(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return 2 * random.normal(size=(ROWS, LABELS)), random.integers(0, 2, (ROWS, LABELS))


def distributions(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return 2 * random.normal(size=(ROWS, CLASSES)), random.dirichlet(np.ones(CLASSES), ROWS)


def pairs(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return random.normal(size=(ROWS, 2, WIDTH)), random.integers(0, 2, ROWS)


def embeddings(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return random.normal(size=(ROWS, WIDTH)), random.integers(0, CLASSES, ROWS)


def quantiles(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return random.normal(size=(ROWS, 3)), random.normal(size=ROWS)


def frames(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return 2 * random.normal(size=(2, 5, 3)), random.integers(1, 3, (2, 2))


def by_class(probabilities: Numbers, target: Numbers) -> Numbers:
    return np.take_along_axis(probabilities, target[:, None], 1)[:, 0]


def cross_entropy(output: Numbers, target: Numbers) -> Numbers:
    weights, log_p = np.array([1.0, 2.0, 0.5, 3.0]), scipy.special.log_softmax(output, -1)
    softened = 0.9 * np.eye(CLASSES)[target] + 0.1 / CLASSES
    return -(softened * weights * log_p).sum(1)


def binary_cross_entropy(output: Numbers, target: Numbers) -> Numbers:
    p = scipy.special.expit(output)
    return -(np.array([1.0, 3.0, 0.5]) * target * np.log(p) + (1 - target) * np.log1p(-p)).mean(1)


def binary_focal(output: Numbers, target: Numbers) -> Numbers:
    p = np.where(target == 1, scipy.special.expit(output), scipy.special.expit(-output))
    return (-np.where(target == 1, 0.25, 0.75) * (1 - p) ** 2 * np.log(p)).mean(1)


def focal(output: Numbers, target: Numbers) -> Numbers:
    p = by_class(scipy.special.softmax(output, -1), target)
    return -((1 - p) ** 1.5) * np.log(p)


def contrastive(output: Numbers, target: Numbers) -> Numbers:
    apart = np.linalg.norm(output[:, 0] - output[:, 1], axis=1)
    return np.where(target == 1, apart**2, np.maximum(0, 3.0 - apart) ** 2) / 2


def ctc(output: Numbers, target: Numbers) -> list[float]:
    """-log of the summed probability of all paths that spell the target, per symbol."""
    found = []
    for log_p, symbols in zip(scipy.special.log_softmax(output, -1), target.tolist(), strict=True):
        paths = itertools.product(range(log_p.shape[1]), repeat=len(log_p))
        spelling = (path for path in paths if [one for one, _ in itertools.groupby(path) if one] == symbols)
        found.append(-math.log(sum(math.exp(log_p[range(len(path)), path].sum()) for path in spelling)) / len(symbols))
    return found


def multi_class_hinge(output: Numbers, target: Numbers) -> Numbers:
    short = np.maximum(0, 1.0 - by_class(output, target)[:, None] + output) ** 2
    short[np.arange(len(target)), target] = 0
    return np.array([1.0, 2.0, 0.5, 3.0])[target] * short.sum(1) / CLASSES


def unit(vectors: Numbers) -> Numbers:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def info_nce(output: Numbers, target: Numbers) -> Numbers:
    likeness = unit(output[:, 0]) @ unit(output[:, 1]).T / 0.1
    return -(np.diag(scipy.special.log_softmax(likeness, 1)) + np.diag(scipy.special.log_softmax(likeness, 0))) / 2


def nt_xent(output: Numbers, target: Numbers) -> Numbers:
    views, rows = unit(np.concatenate([output[:, 0], output[:, 1]])), len(output)
    likeness = views @ views.T / 0.5
    np.fill_diagonal(likeness, -np.inf)
    log_p = scipy.special.log_softmax(likeness, 1)
    there, back = log_p[np.arange(rows), rows + np.arange(rows)], log_p[rows + np.arange(rows), np.arange(rows)]
    return -(there + back) / 2


def quantile(output: Numbers, target: Numbers) -> Numbers:
    missed, levels = target[:, None] - output, np.array([0.1, 0.5, 0.9])
    return np.where(missed >= 0, levels * missed, (levels - 1) * missed).mean(1)


def triplet(output: Numbers, target: Numbers) -> list[float]:
    apart, found = np.linalg.norm(output[:, None] - output[None], axis=-1), []
    for row, own in enumerate(target):
        same = [apart[row, one] for one in np.flatnonzero(target == own) if one != row]
        others = apart[row, target != own]
        found.append(max(0.0, 0.2 + max(same) - min(others)) if len(same) and len(others) else 0.0)
    return found


Judge = Callable[[Numbers, Numbers], Any]
Draw = Callable[[np.random.Generator], tuple[Numbers, Numbers]]

FOUR = (1.0, 2.0, 0.5, 3.0)
LOSSES: dict[str, tuple[Draw, dict[str, Any], Judge]] = {
    "absolute": (values, {}, lambda o, t: np.abs(o - t).mean(1)),
    "binary-cross-entropy": (labels, {"positive_weights": (1.0, 3.0, 0.5)}, binary_cross_entropy),
    "binary-focal": (labels, {}, binary_focal),
    "contrastive": (pairs, {"margin": 3.0}, contrastive),
    "cross-entropy": (logits, {"label_smoothing": 0.1, "class_weights": FOUR}, cross_entropy),
    "ctc": (frames, {}, ctc),
    "focal": (logits, {"gamma": 1.5}, focal),
    "hinge": (labels, {}, lambda o, t: np.maximum(0, 1 - (2 * t - 1) * o).mean(1)),
    "huber": (values, {"delta": 0.7}, lambda o, t: scipy.special.huber(0.7, o - t).mean(1)),
    "info-nce": (pairs, {}, info_nce),
    "kl-divergence": (distributions, {}, lambda o, t: scipy.stats.entropy(t, scipy.special.softmax(o, -1), axis=1)),
    "multi-class-hinge": (logits, {"power": 2, "class_weights": FOUR}, multi_class_hinge),
    "nt-xent": (pairs, {"temperature": 0.5, "within_views": True}, nt_xent),
    "quantile": (quantiles, {}, quantile),
    "squared": (values, {}, lambda o, t: ((o - t) ** 2).mean(1)),
    "triplet": (embeddings, {}, triplet),
}
"""Each loss by name: what it is tried on, its settings, and the same by other means."""


def probabilities(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    output, target = logits(random)
    return scipy.special.softmax(output.round(), -1), target  # rounded, so that some are equal


def two_classes(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    target = np.concatenate([[0, 1], random.integers(0, 2, ROWS - 2)])
    return random.integers(0, 2, ROWS), target


def several_classes(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return random.integers(0, CLASSES, ROWS), logits(random)[1]


def said_labels(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return random.integers(0, 2, (ROWS, LABELS)), random.integers(0, 2, (ROWS, LABELS)) | (np.arange(ROWS) == 0)[:, None]


def amounts(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    return random.normal(size=ROWS), random.normal(size=ROWS)


def one_hot(target: Numbers) -> Numbers:
    return np.eye(CLASSES)[target]


def top_two(prediction: Numbers, target: Numbers) -> float:
    return sklearn.metrics.top_k_accuracy_score(target, prediction, k=2, labels=range(CLASSES))


def untied(random: np.random.Generator) -> tuple[Numbers, Numbers]:
    output, target = logits(random)
    return scipy.special.softmax(output, -1), target


METRICS: dict[str, tuple[Draw, dict[str, Any], Judge]] = {
    "accuracy": (several_classes, {}, lambda p, t: sklearn.metrics.accuracy_score(t, p)),
    "auc": (probabilities, {}, lambda p, t: sklearn.metrics.roc_auc_score(t, p, multi_class="ovr")),
    "average-precision": (probabilities, {}, lambda p, t: sklearn.metrics.average_precision_score(one_hot(t), p)),
    "balanced-accuracy": (
        several_classes,
        {"classes": CLASSES},
        lambda p, t: sklearn.metrics.balanced_accuracy_score(t, p),
    ),
    "bits-per-symbol": (probabilities, {}, lambda p, t: sklearn.metrics.log_loss(t, p) / math.log(2)),
    "brier": (probabilities, {}, lambda p, t: ((p - one_hot(t)) ** 2).sum(1).mean()),
    "energy-distance": (amounts, {}, lambda p, t: scipy.stats.energy_distance(p, t) ** 2),
    "f1": (two_classes, {}, lambda p, t: sklearn.metrics.f1_score(t, p)),
    "log-loss": (probabilities, {}, lambda p, t: sklearn.metrics.log_loss(t, p)),
    "macro-f1": (several_classes, {"classes": CLASSES}, lambda p, t: sklearn.metrics.f1_score(t, p, average="macro")),
    "mae": (amounts, {}, lambda p, t: sklearn.metrics.mean_absolute_error(t, p)),
    "micro-f1": (said_labels, {}, lambda p, t: sklearn.metrics.f1_score(t, p, average="micro")),
    "perplexity": (probabilities, {}, lambda p, t: math.exp(sklearn.metrics.log_loss(t, p))),
    "r2": (amounts, {}, lambda p, t: sklearn.metrics.r2_score(t, p)),
    "relative-error": (amounts, {}, lambda p, t: np.linalg.norm(p - t) / np.linalg.norm(t)),
    "rmse": (amounts, {}, lambda p, t: sklearn.metrics.root_mean_squared_error(t, p)),
    "subset-accuracy": (said_labels, {}, lambda p, t: sklearn.metrics.accuracy_score(t, p)),
    "top-k-accuracy": (untied, {"k": 2}, top_two),
}
"""Each metric likewise; those that nobody else has are held against values by hand (tests/metrics)."""


def case(table: dict[str, tuple[Draw, dict[str, Any], Judge]], name: str, number: int) -> tuple[Case, Any]:
    """The case of that number, and what it comes to by other means."""
    draw, settings, judge = table[name]
    output, target = draw(np.random.default_rng([number, len(name)]))
    return Case(output, target, settings), judge(output, target)
