"""What text in columns means: numbers, dates, truth values, nothing; said, the same in training and at prediction."""

import numpy as np
import pyarrow
import pytest
import torch

from tests.refusing import expect_refusal
from thalweg.data.dataset import Examples, StoredDataset
from thalweg.data.encode import encode, encode_columns
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.encoding import Encodings

ROWS = 60


def encoded(column: list[object], *, separated: str = ",", **settings: object) -> StoredDataset:
    columns = {"x": column, "y": [("no", "yes")[i % 2] for i in range(len(column))]}
    return encode(Examples("toy", columns, facts={"separated": separated}), DataSettings(**settings), seed=0)


def cycled(*values: object, rows: int = ROWS) -> list[object]:
    return [values[i % len(values)] for i in range(rows)]


def numbers(count: int = ROWS) -> list[str]:
    return [f"{i * 1.25:.2f}" for i in range(count)]


def said(dataset: StoredDataset) -> str:
    return "\n".join(dataset.notes)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", 1234.5),
        ("$12.50", 12.5),
        ("12 %", 12.0),
        ("(3.5)", -3.5),
        ("−4", -4.0),
        ("1 234,5", 1234.5),
        ("1e3", 1000.0),
        ("1'000", 1000.0),
    ],
)
def test_numbers_among_signs_are_read_and_said(text: str, value: float):
    comma = text.endswith(",5")
    dataset = encoded([*(one.replace(".", ",") if comma else one for one in numbers()), text])
    assert dataset.examples.columns["x"][-1] == value


def test_dat_08_a_comma_that_may_be_either_is_asked_about_where_semicolons_separate():
    column = [f"{i + 1},{i:03d}" for i in range(ROWS)]
    with expect_refusal("DATA_DECIMAL", exit_code=3) as caught:
        encoded(column, separated=";")
    assert "--decimal" in caught.value.fix
    assert encoded(column, separated=";", decimal=",").examples.columns["x"][1] == 2.001
    assert encoded(column, separated=";", decimal=".").examples.columns["x"][1] == 2001


def test_dat_21_a_target_among_signs_is_read_where_the_user_says_so():
    columns = {"x": np.arange(100.0) ** 2, "y": [f"${i},{i:03d}.5" for i in range(1, 101)]}
    with expect_refusal("DATA_NUMBERS_AS_TEXT", exit_code=3) as caught:
        encode(Examples("toy", columns), DataSettings(), seed=0)
    assert "--parse-numbers" in caught.value.fix
    read_by = encode(Examples("toy", columns), DataSettings(parse_numbers=True), seed=0)
    assert read_by.examples.columns["y"][0] == 1001.5


def test_dat_23_spellings_of_missing_are_one_and_listed_with_counts():
    dataset = encoded([*numbers(), "NA", "N/A", "-", "null", "999", ""])
    column = dataset.examples.columns["x"]
    assert np.isnan(column).sum() == 5
    assert column[-2] == 999
    for word in ('"NA" 1', '"N/A" 1', '"-" 1', '"null" 1', "--missing WORD"):
        assert word in said(dataset)
    assert np.isnan(encoded([*numbers(), "999"], missing="999").examples.columns["x"]).sum() == 1


def test_missing_words_among_categories_are_the_unknown_one():
    dataset = encoded(cycled("red", "green", "?", "blue"))
    assert dataset.encodings["categories"].port.sizes == (4,)
    assert dataset.facts["spellings"]["x"]["missing"] == {"?": 15}


def test_dat_25_a_few_words_among_numbers_count_as_missing_and_are_said():
    dataset = encoded([*numbers(99), "three"])
    assert np.isnan(dataset.examples.columns["x"][-1])
    assert (
        '1 of 100 values are no numbers and count as missing: "three" 1 (--missing three says so, or --field x=category)'
        in said(dataset)
    )


def test_dat_26_whole_numbers_that_would_be_rounded_stay_text():
    columns = {"x": [str(2**60 + i * i) for i in range(ROWS)], "z": numbers(), "y": cycled("a", "b")}
    dataset = encode(Examples("toy", columns), DataSettings(), seed=0)
    assert "numbers of 19 digits stay text" in said(dataset)
    assert dataset.facts["ids"] == ["x"]


def test_dat_27_codes_with_zeros_in_front_are_kept():
    dataset = encoded(cycled("00123", "00456", "10789"))
    assert dataset.encodings["categories"].values == [["00123", "00456", "10789"]]
    assert 'codes such as "00123"' in said(dataset)
    assert encode_columns(dataset.encodings, {"x": ["00456"]}).fields["categories"].tolist() == [[2]]


def test_dates_whose_order_a_day_above_twelve_decides_are_read_and_said():
    dataset = encoded([f"{1 + i % 28}/{1 + i % 12}/2024" for i in range(ROWS)])
    assert dataset.examples.columns["x"][27] == np.datetime64("2024-04-28")
    assert "(--date-order day or month)" in said(dataset)
    assert dataset.encodings.inputs[0].port.kind == "dates"


def test_dat_28_dates_that_can_be_read_in_two_ways_are_asked_about():
    column = [f"{1 + i * 7 % 12:02}/{1 + i % 5:02}/05" for i in range(ROWS)]
    with expect_refusal("DATA_DATES", exit_code=3) as caught:
        encoded(column)
    assert "--date-order day" in caught.value.fix
    assert encoded(column, date_order="month").examples.columns["x"][1] == np.datetime64("2005-08-02")


def test_dat_28_days_that_are_not_in_the_calendar_are_refused():
    column = [f"2023-01-{1 + i % 28:02}" for i in range(ROWS)]
    with expect_refusal("DATA_DATES", exit_code=3) as caught:
        encoded([*column, "2023-02-30"])
    assert '"2023-02-30"' in caught.value.where


def test_dat_28_moments_with_and_without_a_zone_are_refused_together():
    column = [f"2023-01-{1 + i % 28:02}T12:00:00Z" for i in range(ROWS)]
    with expect_refusal("DATA_DATES", exit_code=3):
        encoded([*column, "2023-01-05T12:00:00"])
    shifted = encoded([*column, "2023-01-05T12:00:00+02:00"])
    assert shifted.examples.columns["x"][-1] == np.datetime64("2023-01-05T10:00")


def test_dat_29_truth_values_in_many_spellings_are_two_and_shown():
    dataset = encoded(cycled("yes", "no", "Y", "1", "true", "", "N"))
    assert dataset.encodings["categories"].values == [[False, True]]
    assert "true is 1, Y, true, yes; false is N, no" in said(dataset)


def test_dat_29_a_word_that_is_no_truth_value_is_refused():
    with expect_refusal("DATA_TRUTH_VALUES", exit_code=3) as caught:
        encoded([*cycled("yes", "no", "Y", "n"), "maybe"])
    assert "'maybe'" in caught.value.what


def test_yes_and_no_alone_stay_the_words_that_they_are():
    assert encoded(cycled("yes", "no")).encodings["categories"].values == [["no", "yes"]]


def test_a_spelling_goes_with_the_encodings():
    dataset = encoded([*(f"{i},5" for i in range(ROWS)), "k.A."], missing="k.A.")
    back = Encodings.from_json(dataset.encodings.as_json())
    again = encode_columns(back, {"x": ["3,5", "k.A."]}).fields["numbers"]
    assert torch.equal(again[0], dataset.store.fields["numbers"][3])
    assert again[1].item() == 0


def test_a_data_frame_means_what_its_file_means(tmp_path):
    rows = [(i, f"{i}.5", ("?", "a", "b")[i % 3], f"2024-01-{1 + i % 28:02}", ("no", "yes")[i % 2]) for i in range(ROWS)]
    path = tmp_path / "t.csv"
    path.write_text("id,size,kind,at,bought\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
    names = ("id", "size", "kind", "at", "bought")
    frame = pyarrow.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    one, other = (encode(read(given), DataSettings(), seed=0) for given in (path, frame))
    assert one.digest == other.digest
    assert one.encodings.as_json() == other.encodings.as_json()


def test_a_column_named_split_gives_the_parts():
    columns = {"x": np.arange(60.0) ** 2, "split": cycled("train", "train", "val", "test"), "y": cycled("a", "b", "b")}
    dataset = encode(Examples("toy", columns), DataSettings(), seed=0)
    assert dataset.rows("validation") == 15
    assert dataset.rows("test") == 15
    assert "split" not in dataset.examples.columns
    assert "parts as the column split says" in said(dataset)


def test_ids_and_constants_are_no_inputs_and_that_is_said():
    columns = {
        "customerID": [f"{i}-AB" for i in range(60)],
        "one": cycled("x"),
        "when": cycled("5.3.2024"),
        "x": np.arange(60.0) ** 2,
        "y": cycled("a", "b"),
    }
    dataset = encode(Examples("toy", columns), DataSettings(), seed=0)
    assert [name for one in dataset.encodings.inputs for name in one.fields] == ["x"]
    assert "customerID left out: every row has its own value" in said(dataset)
    assert "one left out: it is 'x' in every row" in said(dataset)
    assert "when left out: it is 2024-03-05 in every row" in said(dataset)
    assert dataset.facts["ids"] == ["customerID"]


def test_unbalanced_classes_are_judged_by_f1_of_the_rarer_and_that_is_said():
    from thalweg.core.settings import Choice
    from thalweg.tasks.classification import Classification, ClassificationSettings

    columns = {"x": np.arange(100.0) ** 2, "y": ["spam" if i % 10 == 0 else "ham" for i in range(100)]}
    dataset = encode(Examples("toy", columns), DataSettings(), seed=0)
    task = Classification(dataset.encodings, ClassificationSettings(loss=Choice(name="cross-entropy")))
    assert list(task.metrics) == ["f1", "accuracy", "log-loss", "balanced-accuracy", "auc"]
    assert task.metrics["f1"].settings.positive == 1
    assert 'judged by F1 of "spam"' in task.notes[0]


def test_numbers_in_a_column_of_words_are_told_where_the_column_is_read_and_not_where_it_is_left_out():
    words = cycled("7", "12", "A/5", "PC 17")
    assert '30 values are numbers and 30 are not, such as "A/5"' in said(encoded(words))
    columns = {"x": words, "z": numbers(), "y": cycled("a", "b")}
    assert "values are numbers" not in said(encode(Examples("toy", columns), DataSettings(group="x"), seed=0))
