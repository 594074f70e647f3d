import pytest

from thalweg.core.errors import UsageRefusal
from thalweg.core.settings import read_settings
from thalweg.data.settings import DataSettings


def read(**given: object) -> DataSettings:
    return read_settings(DataSettings, given, where="data")


def test_the_default_split_is_60_10_10_20():
    assert read().split.model_dump() == {"train": 0.6, "validation": 0.1, "calibration": 0.1, "test": 0.2}


def test_a_split_may_be_given_as_four_numbers():
    assert read(split="0.4,0.2,0.2,0.2").split.train == 0.4
    assert read(split=[0.4, 0.2, 0.2, 0.2]).split.test == 0.2


@pytest.mark.parametrize(
    ("split", "named"),
    [
        ({"train": 0.7}, "sum to 1.1"),
        ({"train": 0.9, "validation": -0.2}, "-0.2"),
        ({"train": 0.7, "validation": 0}, "split.validation"),
        ("0.5,0.5", "four fractions"),
    ],
)
def test_evl_01_fractions_that_cannot_be_are_refused_by_value(split: object, named: str):
    with pytest.raises(UsageRefusal, match="split") as refused:
        read(split=split)
    assert named in str(refused.value)
    assert refused.value.exit_code == 2


def test_fields_to_ignore_may_be_given_as_text():
    assert read(ignore="id, name").ignore == ("id", "name")
