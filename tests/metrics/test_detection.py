"""Boxes found: each true one is taken once, the surest first."""

import pytest
import torch

from thalweg.metrics.detection import DetectionF1, DetectionPrecision, DetectionRecall, DetectionSettings

TRUE = torch.tensor([[[0.0, 0, 4, 4], [10, 0, 14, 4]]])


def value(kind, found, true=TRUE, *, overlap=0.5, mask=None):
    metric = kind(DetectionSettings(overlap=overlap))
    return metric.value(metric.rows(torch.tensor(found), true, mask).sum(0))


def test_a_second_box_on_the_same_thing_is_wrong():
    found = [[[0.0, 0, 4, 4, 0.9], [0, 0, 4, 4, 0.8], [10, 0, 14, 4, 0.7]]]
    assert value(DetectionRecall, found) == 1.0
    assert value(DetectionPrecision, found) == pytest.approx(2 / 3)
    assert value(DetectionF1, found) == pytest.approx(4 / 5)


def test_the_surest_box_chooses_first():
    found = [[[0.0, 0, 4, 3, 0.5], [0, 0, 4, 4, 0.9]]]
    near = torch.tensor([[[0.0, 0, 4, 4], [0, 0, 4, 2]]])  # the less sure one still takes the second, of overlap 2/3
    assert value(DetectionRecall, found, near) == 1.0
    assert value(DetectionRecall, found, near, overlap=0.7) == 0.5


def test_overlap_must_suffice():
    found = [[[0.0, 0, 4, 2, 0.9], [12, 0, 16, 4, 0.9]]]  # a half, a third
    assert value(DetectionRecall, found) == 0.5
    assert value(DetectionRecall, found, overlap=0.51) == 0.0


def test_nothing_found_and_nothing_there_have_no_value():
    nothing = [[[0.0, 0, 4, 4, 0.0]]]
    assert value(DetectionPrecision, nothing) is None
    assert value(DetectionRecall, nothing) == 0.0
    hidden = torch.tensor([[False, False]])
    assert value(DetectionRecall, nothing, mask=hidden) is None
    assert value(DetectionF1, nothing, mask=hidden) is None
