"""What is confused with what: all counts, and of many classes an example of each pair."""

import numpy as np
import pytest

from thalweg.evaluation.diagnosis import _confusion
from thalweg.evaluation.predictions import Predictions


def confusion(count):
    """Each class four times, from row 100 on; of class 1 three are taken for class 0, the second of them most surely."""
    names = [f"class {i}" for i in range(count)]
    codes = np.repeat(np.arange(count), 4)
    probabilities = np.full((len(codes), count), 0.1 / count)
    probabilities[np.arange(len(codes)), codes] = 0.9
    probabilities[4:7, 0] = [2.0, 4.0, 3.0]
    found = Predictions("kind", np.arange(100, 100 + len(codes)), {}, None, probabilities, codes, names)
    return _confusion(found, probabilities, codes, names)


@pytest.mark.parametrize(("count", "row"), [(3, None), (12, None), (13, 105), (100, 105), (101, 105)])
def test_pairs_are_counted_and_of_many_classes_shown_by_their_surest_mistake(count, row):
    (pair,) = confusion(count)["pairs"]
    assert (pair["true"], pair["said"], pair["count"], pair["of"]) == ("class 1", "class 0", 3, 4)
    assert pair.get("row") == row


@pytest.mark.parametrize(("count", "kept"), [(12, True), (100, True), (101, False)])
def test_all_counts_are_kept_of_up_to_a_hundred_classes(count, kept):
    found = confusion(count)
    assert ("counts" in found) == kept
    assert len(found["classes"]) == (count if kept else 0)
    assert found["number_of_classes"] == count
