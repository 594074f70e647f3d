"""Names that are nearly right are recognised; names that are far off are not."""

import pytest

from thalweg.core.errors import did_you_mean, edits, nearest

KNOWN = [
    "accuracy", "adamw", "category", "convnet", "cross-entropy", "epochs", "focal", "gradient-boosting", "lenet5", "macro-f1",
    "margin", "mlp", "models", "rotation", "rule", "seed", "target", "task", "train",
]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("trian", "train"), ("epoch", "epochs"), ("--epoch", "epochs"), ("Modles", "models"), ("targt", "target"),
        ("sede", "seed"), ("accurracy", "accuracy"), ("cross_entropy", "cross-entropy"), ("lenet6", "lenet5"),
        ("f1_marco", "macro-f1"), ("boosting", "gradient-boosting"), ("mpl", "mlp"), ("adam", "adamw"),
    ],
)  # fmt: skip
def test_a_slip_of_the_pen_is_recognised(typed, meant):
    assert nearest(typed, KNOWN, count=1) == [meant]


@pytest.mark.parametrize("typed", ["banana", "nothing", "threads", "foo", "alexnet", "transformer", "x", "", "cat", "optimum"])
def test_a_word_that_is_far_from_all_names_none(typed):
    assert nearest(typed, KNOWN) == []
    assert "did you mean" not in did_you_mean(typed, KNOWN)


def test_the_nearest_comes_first():
    assert nearest("resnet20", ["resnet18", "resnet200", "resnet20"]) == ["resnet20", "resnet200", "resnet18"]


@pytest.mark.parametrize(
    ("one", "other", "count"), [("", "ab", 2), ("ab", "ba", 1), ("kitten", "sitting", 3), ("same", "same", 0), ("abc", "c", 2)]
)
def test_slips_are_counted_as_damerau_did(one, other, count):
    assert edits(one, other) == edits(other, one) == count


def test_a_name_of_any_length_is_answered_at_once():
    assert nearest("x" * 100_000, KNOWN) == []
