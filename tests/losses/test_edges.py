"""What losses do at their edges: impossible alignments, wrong shapes, wrong weights, nothing to see."""

import pytest
import torch

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.losses._loss import Loss
from thalweg.losses.ctc import CTC


def made(name: str, **settings: object) -> Loss:
    return registry.load("loss", name)(registry.settings_of("loss", name, settings))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("cross-entropy", "class_weights"),
        ("focal", "class_weights"),
        ("multi-class-hinge", "class_weights"),
        ("binary-cross-entropy", "positive_weights"),
    ],
)
def test_weights_of_another_number_of_classes_are_refused_with_both_numbers(name: str, key: str) -> None:
    target = torch.zeros(4, 3) if name.startswith("binary") else torch.zeros(4, dtype=torch.long)
    with pytest.raises(UsageRefusal, match="2 weights, the output 3 classes"):
        made(name, **{key: (1.0, 2.0)})(torch.zeros(4, 3), target)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("cross-entropy", {"label_smoothing": 1.0}),
        ("cross-entropy", {"class_weights": (1.0, -1.0)}),
        ("cross-entropy", {"class_weights": (0.0, 0.0)}),
        ("cross-entropy", {"class_weights": (1.0, float("nan"))}),
        ("binary-cross-entropy", {"label_smoothing": -0.1}),
        ("focal", {"gamma": -1}),
        ("binary-focal", {"alpha": 1.5}),
        ("huber", {"delta": 0}),
        ("hinge", {"power": 3}),
        ("quantile", {"quantiles": (0.5, 0.1)}),
        ("quantile", {"quantiles": (0.5, 0.5)}),
        ("quantile", {"quantiles": (0.0,)}),
        ("quantile", {"quantiles": ()}),
        ("kl-divergence", {"temperature": 0}),
        ("ctc", {"blank": -1}),
        ("triplet", {"margin": 0}),
        ("contrastive", {"margin": -1}),
        ("info-nce", {"temperature": 0}),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name: str, settings: dict[str, object]) -> None:
    with pytest.raises(UsageRefusal, match=next(iter(settings))):
        made(name, **settings)


@pytest.mark.parametrize("name", ["squared", "absolute", "huber", "binary-cross-entropy", "hinge", "kl-divergence"])
def test_shapes_that_would_broadcast_are_refused_by_both_shapes(name: str) -> None:
    with pytest.raises(UsageRefusal, match=r"\(4, 1\).*\(4,\)"):
        made(name)(torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("name", ["cross-entropy", "focal", "multi-class-hinge"])
def test_classes_on_another_axis_are_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(UsageRefusal, match=r"movedim\(1, -1\)"):
        made(name)(torch.zeros(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long))


@pytest.mark.parametrize("name", ["contrastive", "info-nce", "triplet"])
def test_embeddings_of_another_shape_are_refused(name: str) -> None:
    with pytest.raises(UsageRefusal, match=r"\(4, 3, 2\)"):
        made(name)(torch.zeros(4, 3, 2), torch.zeros(4))


def test_quantiles_that_the_output_does_not_hold_are_refused() -> None:
    with pytest.raises(UsageRefusal, match="the 3 quantiles"):
        made("quantile")(torch.zeros(4, 2), torch.zeros(4))


def test_a_mask_of_another_shape_is_refused() -> None:
    with pytest.raises(UsageRefusal, match=r"\(3,\).*\(4,\)"):
        made("squared")(torch.zeros(4), torch.zeros(4), torch.ones(3, dtype=torch.bool))


def test_an_example_that_shows_nothing_costs_nothing() -> None:
    mask = torch.tensor([[True, True], [False, False]])
    values = made("squared")(torch.ones(2, 2), torch.zeros(2, 2), mask)
    assert values.tolist() == [1.0, 0.0]


def test_an_impossible_alignment_costs_nothing_has_no_gradient_and_is_named() -> None:
    output = torch.zeros(3, 3, 4, requires_grad=True)
    target = torch.tensor([[1, 2, 3], [1, 1, 2], [1, 1, 2]])  # the second and third need a blank between 1 and 1
    target_mask = torch.tensor([[True] * 3, [True] * 3, [True, True, False]])
    values = made("ctc")(output, target, target_mask=target_mask)
    (slope,) = torch.autograd.grad(values.sum(), output)
    assert CTC.impossible(output, target, target_mask=target_mask).tolist() == [False, True, False]
    assert (values > 0).tolist() == [True, False, True]
    assert slope[1].abs().sum() == 0
    assert slope[0].abs().sum() > 0


def test_ctc_takes_log_probabilities_as_their_own_logits() -> None:
    output, target = torch.randn(2, 5, 3), torch.tensor([[1, 2], [2, 1]])
    torch.testing.assert_close(made("ctc")(output.log_softmax(-1), target), made("ctc")(output, target))


def test_an_empty_target_costs_the_blanks() -> None:
    output = torch.zeros(1, 4, 2)
    values = made("ctc")(output, torch.tensor([[1, 1]]), target_mask=torch.zeros(1, 2, dtype=torch.bool))
    torch.testing.assert_close(values, torch.tensor([2.0]).log() * 4)


def test_anchors_without_a_partner_cost_nothing() -> None:
    assert made("triplet")(torch.randn(3, 2), torch.tensor([0, 1, 2])).tolist() == [0.0] * 3
    assert made("triplet")(torch.randn(3, 2), torch.tensor([0, 0, 0])).tolist() == [0.0] * 3


def test_equal_embeddings_have_finite_gradients() -> None:
    for name, shape in (("triplet", (4, 2)), ("contrastive", (4, 2, 2)), ("info-nce", (4, 2, 2)), ("nt-xent", (4, 2, 2))):
        output = torch.zeros(shape, requires_grad=True)
        (slope,) = torch.autograd.grad(made(name)(output, torch.tensor([0, 0, 1, 1])).sum(), output)
        assert slope.isfinite().all(), name


def test_a_hidden_example_is_no_candidate() -> None:
    views, mask = torch.randn(4, 2, 3), torch.tensor([True, True, True, False])
    for name in ("info-nce", "nt-xent"):
        torch.testing.assert_close(made(name)(views, mask=mask)[:3], made(name)(views[:3]))
