"""Tables that are one series are not learned as if their rows were examples; rows drawn at random from a series are told."""

import numpy as np
import pytest

from tests.refusing import expect_refusal
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.schema import schema_of
from thalweg.data.settings import DataSettings

ROWS = 120
DAYS = [str(np.datetime64("2020-01-01") + i) for i in range(ROWS)]
WAVE = np.sin(np.arange(ROWS) / 9) + np.arange(ROWS) / 50


def encoded(columns, **settings):
    return encode(Examples("sales", columns), DataSettings(**settings), seed=0)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"day": DAYS, "sold": WAVE}, '"sold" by day, 120 steps'),
        ({"year": np.arange(1900, 1900 + ROWS), "sold": WAVE}, '"sold" by year, 120 steps'),
        ({"sold": WAVE}, '"sold", 120 steps'),
    ],
)
def test_amounts_with_nothing_but_their_moments_are_refused(columns, told):
    if "year" in columns:  # looked at before it is encoded
        with expect_refusal("DATA_ONE_SERIES", exit_code=3):
            schema_of(Examples("sales", columns), DataSettings())
    with expect_refusal("DATA_ONE_SERIES", exit_code=3) as caught:
        encoded(columns)
    assert told in caught.value.what
    assert "forecasting" in caught.value.why


def test_texts_are_no_target():
    columns = {
        "photo": [f"{i % 20}.jpg" for i in range(ROWS)],
        "said": [f"a dog and {i} cats on the lawn" for i in range(ROWS)],
    }
    with expect_refusal("DATA_TARGET_TEXT", exit_code=3) as caught:
        encoded(columns, target="said")
    assert "to write texts is not built yet" in caught.value.why


def test_who_wants_a_curve_through_the_moments_gets_one():
    assert encoded({"day": DAYS, "sold": WAVE}, fields={"day": "date"}).encodings.inputs[0].kind == "date"
    years = {"year": np.arange(1900, 1900 + ROWS), "sold": WAVE}
    assert encoded(years, fields={"year": "number"}).encodings.inputs[0].kind == "number"


def test_numbers_that_their_source_knows_are_no_moments_because_they_count():
    examples = Examples("made", {"x": np.arange(ROWS), "y": WAVE}, kinds={"x": "number"}, roles={"y": "target"})
    assert encode(examples, DataSettings(), seed=0).encodings.inputs[0].kind == "number"


def test_a_misspelt_target_is_told_before_anything_else():
    with expect_refusal("FIELD_UNKNOWN", exit_code=2):
        encoded({"day": DAYS, "sold": WAVE}, target="sol")


def test_rows_drawn_at_random_from_a_series_are_told_with_the_remedy():
    columns = {"day": DAYS, "price": np.cos(np.arange(ROWS) * 1.7), "sold": WAVE}
    (said,) = [note for note in encoded(columns).notes if "neighbours are alike" in note]
    assert "(--time day: the past trains, the future tests)" in said
    silent = [
        encoded(columns, time="day"),
        encoded({**columns, "sold": np.random.default_rng(0).permutation(WAVE)}),
        encoded({**columns, "day": [DAYS[i * 7 % ROWS] for i in range(ROWS)]}),
    ]
    assert not any("neighbours are alike" in note for one in silent for note in one.notes)


def test_seconds_since_1970_and_names_of_pictures_are_no_target_unless_asked_for():
    columns = {
        "user": [i % 9 for i in range(ROWS)],
        "rating": [i % 5 + 1 for i in range(ROWS)],
        "at": [880_000_000 + i * i for i in range(ROWS)],
    }
    assert encoded(columns).encodings.target.name == "rating"
    assert encoded(columns, target="at").encodings.target.name == "at"
    named = {"rating": columns["rating"], "photo": [f"{i % 20}.jpg" for i in range(ROWS)]}
    assert encoded(named).encodings.target.name == "rating"


def test_numbers_that_recur_under_the_name_of_an_id_are_categories():
    columns = {"user_id": [i * 7 % 24 for i in range(ROWS)], "x": WAVE, "y": [i % 2 for i in range(ROWS)]}
    dataset = encoded(columns)
    assert {one.kind: one.fields for one in dataset.encodings.inputs} == {"category": ("user_id",), "number": ("x",)}
    assert "user_id: numbers that recur, by its name of somebody (--field user_id=number)" in dataset.notes[1]
