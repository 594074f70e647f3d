"""Values that can be checked with a pencil, and the cases in which there is none."""

import pytest
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.metrics._metric import Metric
from thalweg.metrics._sequences import both_sequences, edit_distance
from thalweg.metrics._streaming import Streaming

BY_HAND = {
    "detection-f1": 4 / 7,
    "detection-precision": 2 / 4,
    "detection-recall": 2 / 3,
    "relative-error": 1 / 2,
    "accuracy": 5 / 7,
    "top-k-accuracy": 2 / 3,
    "balanced-accuracy": 3 / 4,
    "f1": 1 / 2,
    "macro-f1": 2 / 3,
    "micro-f1": 4 / 6,
    "log-loss": 1.5 * 0.6931471805599453,
    "auc": 5 / 8,
    "average-precision": 5 / 6,
    "brier": 0.2,
    "calibration-error": 0.35,
    "rmse": 3**0.5,
    "mae": 2.0,
    "r2": 0.5,
    "exact-match": 0.5,
    "token-error-rate": 0.25,
    "subset-accuracy": 0.5,
    "mean-return": 2.0,
    "energy-distance": 1.0,
    "quantisation-error": 2.0,
    "topographic-error": 0.5,
}


def made(name: str, **settings: object) -> Metric:
    return registry.load("metric", name)(registry.settings_of("metric", name, settings))


def value(metric: Metric, prediction: Tensor, target: Tensor, mask: Tensor | None = None) -> float | None:
    rows = metric.rows(prediction, target, mask)
    return metric.value(rows.sum(0) if metric.additive else rows)


def edits(prediction: list[int], target: list[int]) -> int:
    said, true = both_sequences(torch.tensor([prediction]), torch.tensor([target]), None, metric="token-error-rate")
    return int(edit_distance(said, true))


def edits_by_recursion(a: list[int], b: list[int]) -> int:
    """Wagner & Fischer's table, cell by cell."""
    table = [[i + j if i * j == 0 else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            swap = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, swap)
    return table[-1][-1]


@pytest.mark.parametrize("name", registry.names("metric"))
def test_the_example_has_the_value_found_by_hand(name: str) -> None:
    metric = registry.load("metric", name)
    example = metric.example()
    expected = BY_HAND.get(name, example.value)
    assert expected is not None, f"give the example of {name} its value, found by hand"
    assert value(metric(example.settings), example.prediction, example.target, example.mask) == pytest.approx(
        expected, rel=1e-6
    )


@pytest.mark.parametrize("name", ["auc", "average-precision"])
@pytest.mark.parametrize("only", [0, 1])
def test_rankings_of_one_class_have_no_value(name: str, only: int) -> None:
    metric = made(name)
    assert value(metric, torch.tensor([0.1, 0.7, 0.4]), torch.full((3,), only)) is None
    assert "one class" in metric.undefined


def test_rankings_leave_out_classes_that_the_truth_lacks() -> None:
    p = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1]])
    assert value(made("auc"), p, torch.tensor([0, 1, 0])) == 1.0


def test_r2_of_one_row_or_of_a_constant_target_has_no_value() -> None:
    assert value(made("r2"), torch.tensor([1.0]), torch.tensor([2.0])) is None
    assert value(made("r2"), torch.tensor([1.0, 2.0]), torch.tensor([2.0, 2.0])) is None


def test_f1_without_positives_anywhere_has_no_value_and_without_hits_is_zero() -> None:
    assert value(made("f1"), torch.tensor([0, 0]), torch.tensor([0, 0])) is None
    assert value(made("f1"), torch.tensor([1, 0]), torch.tensor([0, 0])) == 0.0


def test_an_answer_outside_the_classes_is_a_miss_and_nothing_else() -> None:
    metric = made("macro-f1", classes=2)
    assert value(metric, torch.tensor([-1, 0, 1]), torch.tensor([0, 0, 1])) == pytest.approx((2 / 3 + 1) / 2)


def test_equal_probabilities_put_the_lower_class_first() -> None:
    p = torch.full((3, 3), 1 / 3)
    assert value(made("top-k-accuracy", k=1), p, torch.tensor([0, 1, 2])) == pytest.approx(1 / 3)


def test_top_k_that_is_always_right_is_refused() -> None:
    with pytest.raises(UsageRefusal, match="k is 3, there are 3 classes"):
        made("top-k-accuracy", k=3).rows(torch.rand(2, 3), torch.tensor([0, 1]))


def test_calibration_does_not_depend_on_the_order_of_equal_confidences() -> None:
    metric, p = made("calibration-error", bins=2), torch.full((4,), 0.75)
    for target in ([1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1]):
        assert value(metric, p, torch.tensor(target)) == pytest.approx(0.0, abs=1e-12)


def test_calibration_bins_hold_equal_numbers() -> None:
    p = torch.tensor([0.6, 0.7, 0.8, 0.9], dtype=torch.float64)
    gaps = value(made("calibration-error", bins=2), p, torch.tensor([0, 1, 1, 1]))
    assert gaps == pytest.approx((abs(0.65 - 0.5) + abs(0.85 - 1.0)) / 2)


def test_edit_distances_are_those_of_the_table() -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(60):
        lengths = torch.randint(0, 8, (2,), generator=generator).tolist()
        a, b = (torch.randint(0, 3, (length,), generator=generator).tolist() for length in lengths)
        assert edits([*a, -1, -1], [*b, -1]) == edits_by_recursion(a, b)


def test_tokens_are_read_past_gaps() -> None:
    assert edits([-1, 1, -1, 2, 3], [1, 2, -1, 3]) == 0
    assert value(made("exact-match"), torch.tensor([[-1, 1, 2]]), torch.tensor([[1, 2]])) == 1.0


def test_empty_targets_have_no_error_rate() -> None:
    assert value(made("token-error-rate"), torch.tensor([[1, 2]]), torch.tensor([[-1, -1]])) is None


def test_rewards_are_summed_over_the_steps_of_an_episode() -> None:
    assert value(made("mean-return"), torch.tensor([3.0, 1.0]), torch.zeros(2)) == 2.0


def test_an_infinite_prediction_gives_no_value_rather_than_infinity() -> None:
    assert value(made("mae"), torch.tensor([float("inf")]), torch.tensor([1.0])) is None


def test_num_16_a_hundred_million_examples_do_not_drift() -> None:
    stream, metric = Streaming(made("mae")), made("mae")
    batch = metric.rows(torch.full((1000,), 0.1, dtype=torch.float64), torch.zeros(1000)).sum(0, keepdim=True) * 100
    for _ in range(1000):  # 1000 batches that stand for 100,000 examples each
        stream.add(batch)
    assert stream.value() == pytest.approx(0.1, rel=1e-14)


def test_sums_of_very_different_size_lose_nothing() -> None:
    stream = Streaming(made("mean-return"))
    for reward in (1e16, 1.0, 1.0, -1e16):
        stream.add(torch.tensor([[reward, 0.25]], dtype=torch.float64))
    assert stream.value() == 2.0


@pytest.mark.parametrize("name", ["accuracy", "f1", "rmse", "mae", "r2", "micro-f1", "subset-accuracy", "log-loss", "auc"])
def test_shapes_that_would_broadcast_are_refused_by_both_shapes(name: str) -> None:
    with pytest.raises(UsageRefusal, match=r"\(4, 1\).*\(4,\)"):
        made(name).rows(torch.zeros(4, 1), torch.zeros(4))


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageRefusal, match=r"\(3,\).*\(4,\)"):
        made("accuracy").rows(torch.zeros(4), torch.zeros(4), torch.ones(3, dtype=torch.bool))


def test_the_number_of_classes_must_be_said() -> None:
    with pytest.raises(UsageRefusal, match="classes"):
        made("macro-f1")
