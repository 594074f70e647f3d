"""JSON Lines, JSON and Parquet: records as columns, and what is no record refused by its place."""

import datetime
import decimal
import json
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from tests.refusing import expect_refusal
from thalweg.data import _json_rows
from thalweg.data.columns import checked_columns
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

RECORDS = [{"age": 30 + i, "city": ("Rome", None)[i % 2], "rich": i % 3 == 0} for i in range(20)]


def lines(folder: Path, text: str, **settings: object) -> Examples:
    path = folder / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    examples = read(path, DataSettings(**settings))
    assert isinstance(examples, Examples)
    return examples


def written(folder: Path, table: pyarrow.Table) -> Path:
    parquet.write_table(table, folder / "rows.parquet")
    return folder / "rows.parquet"


def test_records_a_line_and_in_an_array_are_the_same_columns(tmp_path: Path):
    first = lines(tmp_path, "\n".join(map(json.dumps, RECORDS)))
    (tmp_path / "rows.json").write_text(json.dumps(RECORDS))
    second = read(tmp_path / "rows.json")
    assert list(first.columns) == ["age", "city", "rich"]
    assert first.columns["age"].tolist() == second.columns["age"].tolist() == [30 + i for i in range(20)]
    assert first.columns["city"][:2] == ["Rome", None]


def test_a_key_that_a_record_lacks_is_missing_there(tmp_path: Path):
    assert lines(tmp_path, '{"a": 1}\n\n{"a": 2, "b": "x"}\n').columns["b"] == [None, "x"]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"a": 1,}', "line 57, column"),
        ("[1, 2]", "it is an array, not an object"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": ' + "9" * 5_000 + "}", "a number of 5,000 digits"),
        ('{"a": 1, "a": 2}', "a key stands in it twice"),
    ],
)
def test_dat_41_a_bad_line_is_named_with_its_column_and_text(tmp_path: Path, bad: str, said: str):
    text = '{"a": 1}\n' * 56 + bad + "\n" + '{"a": 2}\n' * 3
    with expect_refusal("DATA_BAD_JSON", exit_code=3) as caught:
        lines(tmp_path, text)
    assert said in caught.value.what
    assert ":57:" in caught.value.where
    assert len(lines(tmp_path, text, on_bad_row="skip")) == 59


def test_dat_42_an_array_that_is_too_large_is_refused_with_another_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_json_rows, "LIMIT_ARRAY", 1 << 20)
    (tmp_path / "rows.json").write_text("[" + " " * (3 << 20) + "]")
    with expect_refusal("DATA_TOO_LARGE", exit_code=3) as caught:
        read(tmp_path / "rows.json")
    assert "jsonl" in caught.value.fix


def test_dat_43_what_nests_without_end_is_refused(tmp_path: Path):
    with expect_refusal("DATA_TOO_DEEP", exit_code=3):
        lines(tmp_path, '{"a": ' + "[" * 200_000 + "\n")


def test_a_nested_record_is_refused_by_its_field(tmp_path: Path):
    with expect_refusal("DATA_OBJECTS", exit_code=3) as caught:
        checked_columns(lines(tmp_path, '{"a": {"b": 1}}\n{"a": {"b": 2}}\n').columns)
    assert "--ignore a" in caught.value.fix


def test_dat_45_parquet_that_is_cut_off_or_has_another_beginning_is_refused(tmp_path: Path):
    path = written(tmp_path, pyarrow.table({"a": list(range(1000))}))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with expect_refusal("DATA_DAMAGED_FILE", exit_code=3):
        read(path)
    path.write_bytes(b"XXXX" + whole[4:])
    with expect_refusal("DATA_MISNAMED_FILE", exit_code=3):
        read(path)


def test_dat_45_parquet_that_claims_more_rows_than_it_can_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from thalweg.data import _columnar_claims as source

    monkeypatch.setattr(source, "MOST_VALUES", 10_000)
    path = written(tmp_path, pyarrow.table({"a": np.zeros(100_000)}))
    with expect_refusal("DATA_BOMB", exit_code=3) as caught:
        read(path)
    assert "100,000 rows" in caught.value.what


def test_dat_46_columns_of_unusual_types_are_read_or_refused_by_name(tmp_path: Path):
    moments = pyarrow.array([datetime.datetime(2020, 1, 1, 12), None], pyarrow.timestamp("ns", tz="Europe/Berlin"))
    table = pyarrow.table(
        {
            "price": pyarrow.array([decimal.Decimal("1.5"), None]),
            "colour": pyarrow.array(["red", "blue"]).dictionary_encode(),
            "at": moments,
            "took": pyarrow.array([datetime.timedelta(hours=1), None]),
            "vector": [[1.0, 2.0], [3.0, 4.0]],
        }
    )
    columns = read(written(tmp_path, table)).columns
    assert np.array_equal(columns["price"], [1.5, np.nan], equal_nan=True)
    assert columns["colour"] == ["red", "blue"]
    assert columns["at"][0] == np.datetime64("2020-01-01T12:00")
    assert np.isnat(columns["at"][1])
    assert columns["took"][0] == 3600
    assert np.asarray(columns["vector"]).shape == (2, 2)
    nested = table.append_column("place", pyarrow.array([{"x": 1}, {"x": 2}]))
    with expect_refusal("DATA_COLUMN_TYPE", exit_code=3) as caught:
        read(written(tmp_path, nested))
    assert "place (struct<x: int64>)" in caught.value.what
    assert "place" not in read(written(tmp_path, nested), DataSettings(ignore=("place",))).columns
