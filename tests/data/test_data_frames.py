"""Data frames of pandas, Polars and Arrow: a column means what it means there, gaps are gaps, labels of rows are said."""

import datetime
import decimal

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import thalweg as tw
from tests.refusing import expect_refusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data._frames import series_column
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.column import missing
from thalweg.fields.repeated import Recurring
from thalweg.packages.given import columns_of
from thalweg.training.fit import fit
from thalweg.training.requested import run_settings

ROWS = 60
DAYS = [datetime.datetime(2024, 1, 1, 6) + datetime.timedelta(days=7 * i % 300) for i in range(ROWS)]
TARGET = [("no", "yes")[i % 2] for i in range(ROWS)]


def gaps(values, every: int = 7):
    return [None if i % every == 0 else value for i, value in enumerate(values)]


PANDAS = {
    "whole numbers with gaps": (pandas.array(gaps(range(ROWS)), dtype="Int64"), "number"),
    "fractions with gaps": (pandas.array(gaps([i / 3 for i in range(ROWS)]), dtype="Float64"), "number"),
    "truth values with gaps": (pandas.array(gaps([i % 3 == 0 for i in range(ROWS)]), dtype="boolean"), "category"),
    "words with gaps": (gaps([("red", "green")[i % 2] for i in range(ROWS)]), "category"),
    "objects with NaN": (
        pandas.Series(gaps([("x", "y")[i % 2] for i in range(ROWS)]), dtype=object).fillna(np.nan),
        "category",
    ),
    "categories, one never seen": (
        pandas.Categorical([("lo", "hi")[i % 2] for i in range(ROWS)], ["lo", "hi", "top"]),
        "category",
    ),
    "numbers that are categories": (pandas.Categorical([i % 5 for i in range(ROWS)]), "category"),
    "moments in a zone": (pandas.Series(DAYS).dt.tz_localize("Europe/Berlin"), "date"),
    "days as objects": ([day.date() for day in DAYS], "date"),
    "months": (pandas.period_range("2019-01", periods=ROWS, freq="M"), "date"),
    "durations": (pandas.to_timedelta([i % 50 for i in range(ROWS)], unit="s"), "number"),
    "decimals": ([decimal.Decimal(i % 50) / 4 for i in range(ROWS)], "number"),
    "intervals": (pandas.cut(np.arange(ROWS), 3), "category"),
    "one word": (["same"] * ROWS, None),
}


@pytest.mark.parametrize("name", PANDAS)
def test_a_column_of_pandas_is_of_the_kind_that_it_means(name):
    column, kind = PANDAS[name]
    frame = pandas.DataFrame({"a": np.arange(ROWS) % 11 / 7, "column": column, "target": TARGET})
    examples = read(frame)
    kinds = {field: one.kind for one in encode(examples, DataSettings(), seed=0).encodings.values() for field in one.fields}
    assert kinds.get("column") == kind
    assert missing(examples.columns["column"]).tolist() == frame["column"].isna().tolist()


def test_a_polars_frame_in_pieces_and_a_lazy_one_are_read_like_a_whole_one():
    frame = polars.DataFrame(
        {
            "number": gaps([i / 4 for i in range(ROWS)]),
            "word": polars.Series([("u", "v")[i % 2] for i in range(ROWS)], dtype=polars.Categorical),
            "day": [day.date() for day in DAYS],
            "decimal": polars.Series([decimal.Decimal(i) / 4 for i in range(ROWS)]),
            "list": [[float(i), 1.0, 2.0 * i] for i in range(ROWS)],
            "target": TARGET,
        }
    )
    digests = set()
    for given in (frame, polars.concat([frame[:7], frame[7:]], rechunk=False), frame.lazy()):
        dataset = encode(read(given), DataSettings(), seed=0)
        digests.add(dataset.digest)
    assert len(digests) == 1
    assert {one.kind for one in dataset.encodings.inputs} == {"number", "category", "date", "vector"}


def test_an_arrow_table_in_pieces_with_dictionaries_of_their_own_and_a_batch_are_read():
    words = pyarrow.chunked_array(
        [pyarrow.array(["a", "b"] * 10).dictionary_encode(), pyarrow.array(["b", "c"] * 20).dictionary_encode()]
    )
    table = pyarrow.table(
        {"word": words, "empty": pyarrow.nulls(ROWS), "n": pyarrow.array(gaps(range(ROWS))), "target": TARGET}
    )
    columns = read(table).columns
    assert list(columns["word"][18:22]) == ["a", "b", "b", "c"]
    assert read(table.combine_chunks().to_batches()[0]).columns["n"][1] == 1.0
    assert "empty left out" in " ".join(encode(read(table), DataSettings(), seed=0).notes)


def test_objects_are_refused_by_what_they_are_and_not_by_where_they_lie():
    frame = polars.DataFrame({"thing": polars.Series([object()] * ROWS, dtype=polars.Object), "target": TARGET})
    with expect_refusal("DATA_UNKNOWN_KIND", exit_code=3) as caught:
        encode(read(frame), DataSettings(), seed=0)
    assert caught.value.where == "field thing, first value: a object"


def test_labels_of_rows_are_left_out_and_said():
    frame = pandas.DataFrame(
        {"x": range(ROWS), "target": TARGET}, index=pandas.Index([f"r{i}" for i in range(ROWS)], name="row")
    )
    examples = read(frame)
    assert list(examples.columns) == ["x", "target"]
    assert "the index row of the frame is left out" in examples.notes[0]
    assert read(frame.reset_index(drop=True)).notes == []


def test_numbers_for_names_are_written_out_and_pairs_refused():
    frame = pandas.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 3)))
    assert list(read(frame).columns) == ["0", "1", "2"]
    with expect_refusal("DATA_COLUMN_NAME", exit_code=3):
        read(pandas.concat({"a": frame}, axis=1))


def test_a_model_answers_for_a_frame_of_another_library():
    generator = np.random.default_rng(0)
    x, word = generator.normal(size=200), np.where(generator.random(200) < 0.5, "up", "down")
    frame = pandas.DataFrame({"x": x, "word": word, "target": np.where((x > 0) ^ (word == "up"), "yes", "no")})
    model = tw.Classifier(steps=20, random_state=0).fit(frame[["x", "word"]], frame["target"])
    answers = model.predict(frame[["word", "x"]][["x", "word"]])
    assert set(answers) <= {"no", "yes"}
    assert (model.predict(polars.from_pandas(frame[["x", "word"]])) == answers).all()


def test_what_is_trained_on_a_frame_predicts_for_frames_without_the_target(tmp_path):
    generator = np.random.default_rng(0)
    frame = pandas.DataFrame({"x": pandas.array(gaps(generator.normal(size=120), 17), dtype="Float64"), "day": DAYS * 2})
    frame["target"] = np.where(frame["x"].fillna(0) > 0, "yes", "no")
    run = fit(
        run_settings({"rule": {"settings": {"epochs": 20}}, "threads": 1}),
        given=frame,
        folder=RunFolder.create(tmp_path / "r"),
        talk=Talk(),
    )
    new = frame.drop(columns="target").iloc[:10]
    found = [
        run.package.predict(columns_of(run.package, one))["target"]
        for one in (new, polars.from_pandas(new), pyarrow.Table.from_pandas(new))
    ]
    assert list(found[0]) == list(found[1]) == list(found[2])


@pytest.mark.parametrize("dtype", ["str", "object", "string", "category", "string[pyarrow]"])
def test_texts_that_recur_are_coded_by_their_frame_and_stay_the_list_they_were(dtype):
    texts = ["red", "blue", None, "red", "n/a", "red"] * 3
    found = series_column(pandas.Series(texts, dtype=dtype))
    assert isinstance(found, Recurring)
    assert found == texts
    assert [found.texts[place] for place in found.places] == texts


def test_texts_that_hardly_recur_or_stand_among_numbers_are_plain_lists():
    for values, dtype in ((["a", "b", "c", "a"], "str"), (["a", 1, "a", 1, "a"], "object"), ([3, 1, 3, None, 3], "category")):
        found = series_column(pandas.Series(values, dtype=dtype))
        assert type(found) is list
        assert found == values


def test_categories_that_stand_in_no_row_are_none_of_its_texts():
    found = series_column(pandas.Series(pandas.Categorical(["x", "y"] * 4, categories=["z", "x", "y"])))
    assert isinstance(found, Recurring)
    assert (found, list(found.texts)) == (["x", "y"] * 4, ["x", "y"])
