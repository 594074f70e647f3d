"""The contract of every metric that the registry finds."""

import itertools

import pytest
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.metrics._metric import Metric, MetricExample
from thalweg.metrics._streaming import Streaming

NAMES = registry.names("metric")


def smallest(name: str) -> tuple[Metric, MetricExample]:
    cls = registry.load("metric", name)
    example = cls.example()
    return cls(example.settings), example


def rows_of(name: str) -> tuple[Metric, Tensor]:
    metric, (_, prediction, target, mask, _) = smallest(name)
    return metric, metric.rows(prediction, target, mask)


def value_of(metric: Metric, rows: Tensor) -> float | None:
    return metric.value(rows.sum(0) if metric.additive else rows)


def streamed(metric: Metric, pieces: list[Tensor]) -> Streaming:
    stream = Streaming(metric)
    for piece in pieces:
        stream.add(piece)
    return stream


@pytest.mark.parametrize("name", NAMES)
def test_facts_say_what_is_read_and_which_way_is_better(name: str) -> None:
    facts = registry.facts("metric", name)
    assert facts["better"] in {"higher", "lower"}
    assert facts["reads"].isalpha()
    assert facts["target"].isalpha()
    assert facts["unit"]


@pytest.mark.parametrize("name", NAMES)
def test_rows_are_finite_float64_one_per_example(name: str) -> None:
    metric, (_, prediction, target, mask, _) = smallest(name)
    rows = metric.rows(prediction, target, mask)
    assert rows.dtype == torch.float64
    assert rows.ndim == 2
    assert len(rows) == len(prediction)
    assert rows.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_row_does_not_depend_on_the_other_examples(name: str) -> None:
    metric, (_, prediction, target, mask, _) = smallest(name)
    alone = [
        metric.rows(prediction[i : i + 1], target[i : i + 1], None if mask is None else mask[i : i + 1])
        for i in range(len(prediction))
    ]
    assert torch.equal(torch.cat(alone), metric.rows(prediction, target, mask))


@pytest.mark.parametrize("garbage", [float("nan"), float("inf"), -1e30])
@pytest.mark.parametrize("name", NAMES)
def test_what_the_mask_hides_changes_nothing(name: str, garbage: float) -> None:
    metric, (_, prediction, target, mask, _) = smallest(name)
    assert mask is not None
    assert not mask.all()
    filled = []
    for tensor in (prediction.clone(), target.clone()):
        if tensor.shape[: mask.ndim] == mask.shape:
            tensor[~mask] = garbage if tensor.is_floating_point() else 10**6
        filled.append(tensor)
    assert torch.equal(metric.rows(filled[0], filled[1], mask), metric.rows(prediction, target, mask))


@pytest.mark.parametrize("name", NAMES)
def test_any_split_streams_to_the_same_value(name: str) -> None:
    metric, rows = rows_of(name)
    at_once = value_of(metric, rows)
    assert at_once is not None
    for cut in range(1, len(rows)):
        assert streamed(metric, [rows[:cut], rows[cut:]]).value() == pytest.approx(at_once, rel=1e-12)
    assert streamed(metric, list(rows.split(1))).value() == pytest.approx(at_once, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_streams_merge_in_any_order(name: str) -> None:
    metric, rows = rows_of(name)
    at_once = value_of(metric, rows)
    for order in itertools.permutations(rows.split(1)):
        merged = Streaming(metric)
        for piece in order:
            merged.merge(streamed(metric, [piece]))
        merged.merge(Streaming(metric))
        assert merged.value() == pytest.approx(at_once, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_resumes_from_its_state(name: str) -> None:
    metric, rows = rows_of(name)
    first = streamed(metric, [rows[:1]])
    resumed = streamed(metric, [rows[1:]])
    resumed.load_state_dict(first.state_dict())
    assert resumed.value() == first.value()
    resumed.add(rows[1:])
    assert resumed.value() == pytest.approx(value_of(metric, rows), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_no_examples_have_no_value(name: str) -> None:
    metric, rows = rows_of(name)
    assert Streaming(metric).value() is None
    assert value_of(metric, rows[:0]) is None
    assert metric.undefined


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_two_is_the_example_twice(name: str) -> None:
    metric, rows = rows_of(name)
    weights = torch.arange(1, len(rows) + 1)
    twice = rows.repeat_interleave(weights, 0)
    if metric.additive:
        weighted = rows * weights[:, None]
    else:
        weighted = torch.cat([rows[:, :-1], rows[:, -1:] * weights[:, None]], 1)
    assert value_of(metric, weighted) == pytest.approx(value_of(metric, twice), rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_value_is_not_beyond_the_best(name: str) -> None:
    metric, rows = rows_of(name)
    facts = registry.facts("metric", name)
    value, best = value_of(metric, rows), facts.get("best")
    assert best is None or (value <= best if facts["better"] == "higher" else value >= best)


@pytest.mark.parametrize("name", [name for name in NAMES if registry.load("metric", name).additive])
def test_the_formula_takes_many_totals_at_once(name: str) -> None:
    metric, rows = rows_of(name)
    left_out = rows.sum(0) - rows  # (n, k): each example left out once
    together = metric.formula(left_out)
    alone = torch.stack([metric.formula(total) for total in left_out])
    torch.testing.assert_close(together, alone, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_settings_survive_json(name: str) -> None:
    _, (settings, *_) = smallest(name)
    assert type(settings).model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_do_not_exist_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="colour"):
        registry.settings_of("metric", name, {"colour": 3})
