import numpy as np
import pytest
import torch

from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.data.dataset import PARTS, Examples
from thalweg.data.settings import DataSettings
from thalweg.data.splits import split


def examples(rows: int, **columns: object) -> Examples:
    return Examples("toy", {"x": np.arange(rows), **columns})


def cut(given: Examples, *, seed: int = 0, strata: object = None, **settings: object) -> dict[str, torch.Tensor]:
    return split(given, DataSettings(**settings), seed=seed, strata=strata)


@pytest.mark.parametrize("rows", [4, 5, 7, 10, 100, 1003])
def test_every_row_stands_in_one_part_and_no_part_is_empty(rows: int):
    parts = cut(examples(rows))
    assert list(parts) == list(PARTS)
    assert torch.equal(torch.cat(list(parts.values())).sort().values, torch.arange(rows))
    assert all(len(part) for part in parts.values())


def test_parts_have_the_shares_asked_for():
    assert [len(part) for part in cut(examples(1000)).values()] == [600, 100, 100, 200]


def test_the_same_seed_cuts_the_same_parts_and_another_seed_others():
    first, again, other = (cut(examples(100), seed=seed)["test"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_each_class_stands_in_each_part_in_its_share():
    strata = np.repeat([0, 1, 2], [700, 250, 50])
    for part, share in zip(cut(examples(1000), strata=strata).values(), (0.6, 0.1, 0.1, 0.2), strict=True):
        counts = np.bincount(strata[part.numpy()], minlength=3)
        assert np.abs(counts - share * np.array([700, 250, 50])).max() <= 1.5


def test_a_class_of_two_rows_is_learned():
    strata = np.repeat([0, 1], [98, 2])
    for seed in range(20):
        assert 1 in strata[cut(examples(100), seed=seed, strata=strata)["train"].numpy()]


def test_dat_19_a_class_of_one_row_is_refused_by_name():
    with pytest.raises(DataRefusal, match='"rare"') as refused:
        cut(examples(20), strata=["often"] * 19 + ["rare"])
    assert "data.stratified=false" in refused.value.fix
    cut(examples(20), strata=["often"] * 19 + ["rare"], stratified=False)


def test_dat_05_too_few_rows_are_refused_with_the_number_needed():
    with pytest.raises(DataRefusal, match="1 row cannot be cut into 4 parts") as refused:
        cut(examples(1))
    assert "3 more" in refused.value.fix


def test_a_given_split_is_kept_and_what_it_lacks_is_cut_from_train():
    given = examples(100)
    given.given = {"train": torch.arange(80), "test": torch.arange(80, 100)}
    parts = cut(given)
    assert torch.equal(parts["test"], torch.arange(80, 100))
    assert [len(parts[part]) for part in PARTS] == [60, 10, 10, 20]
    assert max(parts["validation"]) < 80


def test_rows_of_no_given_part_train():
    given = examples(50)
    given.given = {"test": torch.arange(10)}
    assert sum(len(part) for part in cut(given).values()) == 50


def test_a_group_stands_in_one_part():
    groups = np.arange(300) % 37
    parts = cut(examples(300, who=groups), group="who")
    owners = [set(groups[part.numpy()].tolist()) for part in parts.values()]
    assert sum(map(len, owners)) == 37
    assert len(parts["train"]) == pytest.approx(180, abs=10)


def test_dat_55_one_group_only_is_refused():
    with pytest.raises(DataRefusal, match="1 group"):
        cut(examples(30, who=["a"] * 30), group="who")


def test_a_group_field_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(UsageRefusal, match='did you mean "patient"'):
        cut(examples(30, patient=["a"] * 30), group="patent")


@pytest.mark.parametrize("moment", ["number", "date", "text"])
def test_the_past_trains_and_the_future_tests(moment: str):
    order = np.random.default_rng(0).permutation(100)
    days = np.datetime64("2024-01-01") + order
    column = {"number": order, "date": days, "text": [str(day) for day in days]}[moment]
    parts = cut(examples(100, when=column), time="when")
    latest = [max(order[part.numpy()]) for part in parts.values()]
    earliest = [min(order[part.numpy()]) for part in parts.values()]
    assert all(late < early for late, early in zip(latest[:-1], earliest[1:], strict=True))
