"""Every metric that scikit-learn has too agrees with it to 1e-9, on ties, rare classes and repeated values."""

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor

from thalweg.core import registry

N, CLASSES = 400, 4


def ours(name: str, prediction: Tensor, target: Tensor, **settings: object) -> float | None:
    metric = registry.load("metric", name)(registry.settings_of("metric", name, settings))
    rows = metric.rows(prediction, target)
    return metric.value(rows.sum(0) if metric.additive else rows)


def agrees(value: float | None, expected: float) -> None:
    assert value == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.fixture
def classes() -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities (N, C) on a coarse grid (so with ties), predicted classes and true ones, the last class rare."""
    generator = torch.Generator().manual_seed(3)
    target = torch.multinomial(torch.tensor([0.5, 0.3, 0.17, 0.03]), N, replacement=True, generator=generator)
    logits = torch.randn(N, CLASSES, generator=generator, dtype=torch.float64).mul(2).round() + (
        torch.nn.functional.one_hot(target, CLASSES)
    )
    return logits.softmax(-1), logits.argmax(-1), target


@pytest.fixture
def binary() -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities of class 1 (N,) with ties, predicted answers and true ones."""
    generator = torch.Generator().manual_seed(4)
    target = (torch.rand(N, generator=generator) < 0.2).long()
    score = (torch.randn(N, generator=generator, dtype=torch.float64) + target).mul(4).round() / 4
    p = score.sigmoid()
    return p, (p > 0.5).long(), target


def test_accuracies_agree(classes: tuple[Tensor, Tensor, Tensor]) -> None:
    p, said, true = classes
    agrees(ours("accuracy", said, true), reference.accuracy_score(true, said))
    agrees(ours("balanced-accuracy", said, true, classes=CLASSES), reference.balanced_accuracy_score(true, said))
    agrees(ours("macro-f1", said, true, classes=CLASSES), reference.f1_score(true, said, average="macro"))
    untied = p + torch.rand(p.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64) * 1e-9
    agrees(ours("top-k-accuracy", untied, true, k=2), reference.top_k_accuracy_score(true, untied, k=2))


def test_balanced_scores_agree_where_a_class_is_missing() -> None:
    said, true = torch.tensor([0, 2, 1, 1, 0]), torch.tensor([0, 0, 1, 1, 1])
    agrees(ours("macro-f1", said, true, classes=4), reference.f1_score(true, said, average="macro"))
    agrees(
        ours("macro-f1", said, true, classes=4, over="true"),
        reference.f1_score(true, said, average="macro", labels=[0, 1]),
    )


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_balanced_accuracy_agrees_where_the_truth_lacks_a_class() -> None:
    said, true = torch.tensor([0, 2, 1, 1, 0]), torch.tensor([0, 0, 1, 1, 1])
    agrees(ours("balanced-accuracy", said, true, classes=4), reference.balanced_accuracy_score(true, said))


def test_probability_scores_agree(classes: tuple[Tensor, Tensor, Tensor]) -> None:
    p, _, true = classes
    agrees(ours("log-loss", p, true), reference.log_loss(true, p))
    agrees(ours("brier", p, true), reference.brier_score_loss(true, p))
    agrees(ours("auc", p, true), reference.roc_auc_score(true, p, multi_class="ovr", average="macro"))
    hot = torch.nn.functional.one_hot(true, CLASSES)
    agrees(ours("average-precision", p, true), reference.average_precision_score(hot, p, average="macro"))


def test_binary_scores_agree(binary: tuple[Tensor, Tensor, Tensor]) -> None:
    p, said, true = binary
    agrees(ours("f1", said, true), reference.f1_score(true, said))
    agrees(ours("f1", said, true, positive=0), reference.f1_score(true, said, pos_label=0))
    agrees(ours("log-loss", p, true), reference.log_loss(true, p))
    agrees(ours("brier", p, true), reference.brier_score_loss(true, p))
    agrees(ours("auc", p, true), reference.roc_auc_score(true, p))
    agrees(ours("average-precision", p, true), reference.average_precision_score(true, p))


@pytest.mark.parametrize("name", ["log-loss", "brier", "auc", "average-precision", "calibration-error"])
def test_one_probability_and_two_columns_are_the_same(name: str, binary: tuple[Tensor, Tensor, Tensor]) -> None:
    p, _, true = binary
    agrees(ours(name, torch.stack([1 - p, p], 1), true), ours(name, p, true))


def test_weighted_rankings_agree(binary: tuple[Tensor, Tensor, Tensor]) -> None:
    p, _, true = binary
    weight = torch.rand(N, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    for name, expected in (("auc", reference.roc_auc_score), ("average-precision", reference.average_precision_score)):
        metric = registry.load("metric", name)(registry.settings_of("metric", name))
        rows = metric.rows(p, true)
        rows[:, -1] *= weight
        agrees(metric.value(rows), expected(true, p, sample_weight=weight))


def test_scores_of_labels_agree() -> None:
    generator = torch.Generator().manual_seed(7)
    p = torch.rand(N, 3, generator=generator, dtype=torch.float64)
    true, said = (torch.rand(N, 3, generator=generator) < p.float()).long(), (p > 0.5).long()
    agrees(ours("auc", p, true), reference.roc_auc_score(true, p, average="macro"))
    agrees(ours("average-precision", p, true), reference.average_precision_score(true, p, average="macro"))
    agrees(ours("subset-accuracy", said, true), reference.accuracy_score(true, said))
    agrees(ours("micro-f1", said, true), reference.f1_score(true, said, average="micro"))


def test_scores_of_values_agree() -> None:
    generator = torch.Generator().manual_seed(8)
    true = torch.randn(N, generator=generator, dtype=torch.float64) * 3 + 20
    said = true + torch.randn(N, generator=generator, dtype=torch.float64)
    agrees(ours("rmse", said, true), reference.root_mean_squared_error(true, said))
    agrees(ours("mae", said, true), reference.mean_absolute_error(true, said))
    agrees(ours("r2", said, true), reference.r2_score(true, said))


def test_r2_is_the_mean_over_outputs() -> None:
    generator = torch.Generator().manual_seed(9)
    true = torch.randn(N, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 5.0, 20.0])
    said = true + torch.randn(N, 3, generator=generator, dtype=torch.float64)
    agrees(ours("r2", said, true), reference.r2_score(true, said))


def test_r2_far_from_zero_needs_its_centre_and_says_so() -> None:
    true = torch.arange(50, dtype=torch.float64).sin() + 1e8
    said = true + 0.1
    assert ours("r2", said, true) is None
    assert ours("r2", said, true, centre=1e8) == pytest.approx(reference.r2_score(true - 1e8, said - 1e8), rel=1e-6)


def test_float32_log_loss_is_clipped_as_scikit_learn_clips_it() -> None:
    p, true = torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.5, 0.5]]), torch.tensor([1, 1, 0])
    assert ours("log-loss", p, true) == pytest.approx(reference.log_loss(true, p.numpy().astype(np.float32)), rel=1e-6)
