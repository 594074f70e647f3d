"""Each loss against a computation of its own in float64, written from the paper's formula or taken from elsewhere."""

import itertools
import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
import sklearn.metrics
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.losses._loss import Loss

B, T, C = 6, 4, 3


def made(name: str, **settings: object) -> Loss:
    return registry.load("loss", name)(registry.settings_of("loss", name, settings))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2


def labels(*shape: int, below: int = C) -> Tensor:
    return torch.randint(0, below, shape, generator=torch.Generator().manual_seed(1))


def agrees(values: Tensor, expected: object) -> None:
    np.testing.assert_allclose(values.numpy(), np.asarray(expected), rtol=1e-12, atol=1e-14)


def test_losses_of_values_are_the_mean_over_positions() -> None:
    output, target = noise(B, T), noise(B, T, seed=1)
    e = (output - target).numpy()
    agrees(made("squared")(output, target), (e**2).mean(1))
    agrees(made("absolute")(output, target), np.abs(e).mean(1))
    agrees(made("huber", delta=0.7)(output, target), scipy.special.huber(0.7, e).mean(1))


def test_integer_targets_are_values_too() -> None:
    agrees(made("squared")(torch.tensor([1.5, 2.0]).double(), torch.tensor([1, 4])), [0.25, 4.0])


def test_pinball_loss_is_that_of_scikit_learn() -> None:
    output, target, levels = noise(B, 3), noise(B, seed=1), (0.1, 0.5, 0.8)
    expected = [
        np.mean(
            [
                sklearn.metrics.mean_pinball_loss(target[i : i + 1], output[i : i + 1, q], alpha=level)
                for q, level in enumerate(levels)
            ]
        )
        for i in range(B)
    ]
    agrees(made("quantile", quantiles=levels)(output, target), expected)


def test_cross_entropy_is_the_log_of_the_softmax_at_the_class() -> None:
    output, target = noise(B, T, C), labels(B, T)
    log_p = scipy.special.log_softmax(output.numpy(), -1)
    agrees(made("cross-entropy")(output, target), -np.take_along_axis(log_p, target.numpy()[..., None], -1)[..., 0].mean(1))


def test_smoothing_and_weights_are_those_of_a_softened_target() -> None:
    output, target = noise(B, C), labels(B)
    log_p, weights = scipy.special.log_softmax(output.numpy(), -1), np.array([1.0, 2.0, 0.5])
    softened = 0.9 * np.eye(C)[target] + 0.1 / C
    loss = made("cross-entropy", label_smoothing=0.1, class_weights=tuple(weights))
    # as PyTorch does, the weight goes with the class of each term: w_y on the true one, w_c on the uniform part
    agrees(loss(output, target), -(softened * weights * log_p).sum(1))


def test_soft_targets_are_the_mixture_of_the_hard_ones() -> None:
    output, first, second = noise(B, C), labels(B), labels(B).roll(1)
    loss, hot = made("cross-entropy", class_weights=(1.0, 2.0, 0.5)), torch.nn.functional.one_hot
    mixed = 0.3 * hot(first, C).double() + 0.7 * hot(second, C).double()
    agrees(loss(output, mixed), 0.3 * loss(output, first) + 0.7 * loss(output, second))


def test_binary_cross_entropy_is_the_log_of_the_sigmoid() -> None:
    output, target = noise(B, C), labels(B, C, below=2)
    p, y = scipy.special.expit(output.numpy()), target.numpy() * 0.8 + 0.1
    expected = -(np.array([1.0, 3.0, 0.5]) * y * np.log(p) + (1 - y) * np.log1p(-p)).mean(1)
    agrees(made("binary-cross-entropy", label_smoothing=0.2, positive_weights=(1.0, 3.0, 0.5))(output, target), expected)


def test_a_single_answer_may_lack_the_axis_of_labels() -> None:
    output, target = noise(B), labels(B, below=2)
    loss = made("binary-cross-entropy", positive_weights=(3.0,))
    agrees(loss(output, target), loss(output[:, None], target[:, None]))


def test_focal_loss_follows_the_paper_and_becomes_cross_entropy() -> None:
    output, target = noise(B, C), labels(B)
    p = scipy.special.softmax(output.numpy(), -1)[np.arange(B), target]
    agrees(made("focal", gamma=1.5)(output, target), -((1 - p) ** 1.5) * np.log(p))
    agrees(made("focal", gamma=0.0)(output, target), made("cross-entropy")(output, target))
    weights = (1.0, 2.0, 0.5)
    expected = made("cross-entropy", class_weights=weights)(output, target)
    agrees(made("focal", gamma=0.0, class_weights=weights)(output, target), expected)


def test_binary_focal_loss_follows_the_paper() -> None:
    output, target = noise(B, C), labels(B, C, below=2)
    p = scipy.special.expit(output.numpy())
    p_t = np.where(target == 1, p, 1 - p)
    alpha_t = np.where(target == 1, 0.25, 0.75)
    agrees(made("binary-focal")(output, target), (-alpha_t * (1 - p_t) ** 2 * np.log(p_t)).mean(1))
    agrees(made("binary-focal", gamma=0.0, alpha=None)(output, target), made("binary-cross-entropy")(output, target))


def test_hinge_losses_are_those_of_scikit_learn_and_of_the_sum_over_wrong_classes() -> None:
    score, answer = noise(B), labels(B, below=2)
    assert float(made("hinge")(score, answer).mean()) == pytest.approx(sklearn.metrics.hinge_loss(2 * answer - 1, score))
    output, target = noise(B, C).numpy(), labels(B).numpy()
    expected = [
        sum(max(0.0, 0.5 - output[i, y] + output[i, c]) ** 2 for c in range(C) if c != y) / C for i, y in enumerate(target)
    ]
    agrees(made("multi-class-hinge", margin=0.5, power=2)(torch.tensor(output), torch.tensor(target)), expected)


def test_the_squared_hinge_is_the_square() -> None:
    agrees(made("hinge", power=2)(torch.tensor([0.5, -1.0]).double(), torch.tensor([1, 1])), [0.25, 4.0])


def test_kl_divergence_is_the_relative_entropy() -> None:
    output, target = noise(B, C), noise(B, C, seed=1).softmax(-1)
    q = scipy.special.softmax(output.numpy(), -1)
    agrees(made("kl-divergence")(output, target), scipy.stats.entropy(target.numpy(), q, axis=1))


def test_distillation_softens_teacher_and_student_alike() -> None:
    output, teacher = noise(B, C), noise(B, C, seed=1)
    p, q = (scipy.special.softmax(side.numpy() / 3, -1) for side in (teacher, output))
    expected = 9 * scipy.stats.entropy(p, q, axis=1)
    agrees(made("kl-divergence", target="logits", temperature=3.0)(output, teacher), expected)
    agrees(made("kl-divergence", temperature=3.0)(output, teacher.softmax(-1)), expected)


def ctc_by_enumeration(log_p: np.ndarray, target: list[int]) -> float:
    """-log of the summed probability of every path whose collapse is the target."""
    total = 0.0
    for path in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        if [symbol for symbol, _ in itertools.groupby(path) if symbol != 0] == target:
            total += math.exp(sum(log_p[t, symbol] for t, symbol in enumerate(path)))
    return -math.log(total)


def test_ctc_sums_over_every_path_that_spells_the_target() -> None:
    output, mask = noise(2, 5, C), torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    target, target_mask = torch.tensor([[1, 2, 2], [2, 1, 1]]), torch.tensor([[True] * 3, [True, False, False]])
    log_p = scipy.special.log_softmax(output.numpy(), -1)
    expected = [ctc_by_enumeration(log_p[0], [1, 2, 2]) / 3, ctc_by_enumeration(log_p[1, :3], [2])]
    agrees(made("ctc")(output, target, mask, target_mask=target_mask), expected)


def test_triplets_take_the_hardest_of_the_batch() -> None:
    points, classes = noise(8, 2), torch.tensor([0, 0, 0, 1, 1, 2, 2, 3])
    distance = np.linalg.norm(points.numpy()[:, None] - points.numpy()[None], axis=-1)
    expected = []
    for i, own in enumerate(classes.tolist()):
        far = [distance[i, j] for j, c in enumerate(classes.tolist()) if c == own and j != i]
        near = [distance[i, j] for j, c in enumerate(classes.tolist()) if c != own]
        expected.append(max(0.0, 0.3 + max(far) - min(near)) if far else 0.0)
    agrees(made("triplet", margin=0.3)(points, classes), expected)


def test_pairs_are_pulled_or_pushed_as_in_the_paper() -> None:
    pairs, like = noise(B, 2, 3) / 3, labels(B, below=2)
    d = np.linalg.norm((pairs[:, 0] - pairs[:, 1]).numpy(), axis=1)
    expected = np.where(like == 1, d**2 / 2, np.maximum(0, 2.0 - d) ** 2 / 2)
    agrees(made("contrastive", margin=2.0)(pairs, like), expected)


def nt_xent_by_loops(views: np.ndarray, temperature: float) -> list[float]:
    """Chen et al. 2020, eq. 1: the 2N views in one list, each against the 2N - 1 others."""
    flat = [v / np.linalg.norm(v) for v in np.concatenate([views[:, 0], views[:, 1]])]
    n, losses = len(views), []
    for i in range(2 * n):
        weights = [math.exp(flat[i] @ flat[k] / temperature) if k != i else 0.0 for k in range(2 * n)]
        losses.append(-math.log(weights[(i + n) % (2 * n)] / sum(weights)))
    return [(losses[i] + losses[i + n]) / 2 for i in range(n)]


def test_nt_xent_compares_each_view_with_all_others() -> None:
    views = noise(B, 2, 3)
    agrees(made("nt-xent")(views), nt_xent_by_loops(views.numpy(), 0.5))


def test_info_nce_is_the_mean_of_both_directions() -> None:
    views = noise(B, 2, 3)
    first, second = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (views[:, 0].numpy(), views[:, 1].numpy()))
    logits = first @ second.T / 0.1
    there, back = scipy.special.log_softmax(logits, 1), scipy.special.log_softmax(logits, 0)
    agrees(made("info-nce")(views), -(np.diag(there) + np.diag(back)) / 2)
