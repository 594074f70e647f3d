import dataclasses

import numpy as np
import pytest
import torch

from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.data.dataset import PARTS, Examples, StoredDataset
from thalweg.data.encode import encode, encode_columns, remarks
from thalweg.data.settings import DataSettings


def table(rows: int = 100, **columns: object) -> Examples:
    random = np.random.default_rng(0)
    return Examples(
        "toy",
        {
            "age": random.normal(40, 10, rows),
            "income": random.lognormal(10, 1, rows),
            "city": [("Rome", "Oslo", "Lima")[i % 3] for i in range(rows)],
            "bought": [("yes", "no")[i % 2] for i in range(rows)],
        }
        | columns,
    )


def encoded(examples: Examples, *, seed: int = 0, **settings: object) -> StoredDataset:
    return encode(examples, DataSettings(**settings), seed=seed)


def test_inputs_of_a_kind_share_a_tensor_and_the_last_column_is_the_target():
    dataset = encoded(table())
    assert {name: tuple(tensor.shape) for name, tensor in dataset.store.fields.items()} == {
        "numbers": (100, 2),
        "categories": (100, 1),
        "bought": (100,),
    }
    assert dataset.encodings.target.port.size == 2
    assert dataset.encodings["categories"].port.sizes == (4,)


def test_numbers_are_standardised_by_the_training_rows_alone():
    dataset = encoded(table())
    train = dataset.store.fields["numbers"][dataset.parts["train"]]
    assert torch.allclose(train.mean(0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(train.std(0, unbiased=False), torch.ones(2), atol=1e-5)
    examples = table()
    for row in dataset.parts["test"].tolist():
        examples.columns["age"][row] = 1e6
    assert encoded(examples).encodings["numbers"].state() == dataset.encodings["numbers"].state()


def test_the_digest_changes_with_a_value_or_the_split_and_with_nothing_else():
    changed = table()
    changed.columns["age"][3] += 1
    digests = [encoded(one, seed=seed).digest for one, seed in ((table(), 0), (table(), 0), (changed, 0), (table(), 1))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_notes_name_what_was_inferred_and_the_option_that_corrects_it():
    notes = encoded(table()).notes
    assert notes[0] == '3 inputs → bought (2 classes, 50 % "no"), the last column; another target: --target NAME'
    assert notes[1] == "2 numbers, 1 category"
    assert notes[2].startswith("parts: 60 train · 10 validation · 10 calibration · 20 test (stratified, seed 0")


def test_the_note_on_parts_claims_no_draw_of_those_that_came_with_the_data():
    rows = torch.arange(100)
    one, all_ = table(), table()
    one.given = {"train": rows[:80], "test": rows[80:]}
    all_.given = dict(zip(PARTS, rows.split(25), strict=True))
    assert encoded(one).notes[2].endswith("20 test (test as given, the rest stratified, seed 0; other shares: --split)")
    assert encoded(all_).notes[2] == "parts: 25 train · 25 validation · 25 calibration · 25 test (as given)"


def test_what_was_given_is_not_changed():
    examples = table()
    before = dataclasses.replace(examples, notes=list(examples.notes), facts=dict(examples.facts))
    encoded(examples)
    assert examples.notes == before.notes
    assert examples.facts == before.facts
    assert not examples.given


def test_fields_to_ignore_that_stand_in_one_word_are_to_be_named_one_by_one():
    with pytest.raises(UsageRefusal) as caught:
        encoded(table(), ignore=("age, income",))
    assert caught.value.fix == "--ignore age --ignore income"


def test_dates_that_are_to_be_predicted_are_days():
    begun = np.datetime64("2019-01-01", "us") + np.arange(100) * np.timedelta64(36, "h")
    dataset = encoded(table(begun=begun), target="begun")
    assert "begun (days since 1970 from 17,897 to 18,045.5)" in dataset.notes[0]
    target = dataset.encodings.target
    days = 17897 + 1.5 * np.arange(100)
    np.testing.assert_allclose(target.decode(target.encode([begun])), days, rtol=1e-6)


def test_fields_may_be_given_a_kind_a_role_or_be_ignored():
    said = {"code": "number", "income": "ignored"}
    dataset = encoded(table(code=np.arange(100) % 3), fields=said, target="bought", ignore=("city",))
    assert list(dataset.encodings) == ["numbers", "bought"]
    assert dataset.encodings["numbers"].fields == ("age", "code")


def test_a_field_that_looks_like_an_id_is_left_out_and_said():
    dataset = encoded(table(id=np.arange(100)), target="bought")
    assert dataset.encodings["numbers"].fields == ("age", "income")
    assert "id left out: every row has its own value" in dataset.notes[1]


def test_weights_are_kept_as_they_are():
    dataset = encoded(table(w=np.linspace(0.5, 2, 100)), target="bought", fields={"w": "weight"})
    assert torch.allclose(dataset.store.fields["w"][:, 0], torch.linspace(0.5, 2, 100))


@pytest.mark.parametrize("weight", [-1.0, np.nan])
def test_dat_53_weights_that_cannot_be_are_refused_by_row(weight: float):
    weights = np.ones(100)
    weights[3] = weight
    with pytest.raises(DataRefusal, match=f"row 3: {weight}"):
        encoded(table(w=weights), target="bought", fields={"w": "weight"})


def test_dat_53_weights_that_are_all_zero_are_refused():
    with pytest.raises(DataRefusal, match="zero"):
        encoded(table(w=np.zeros(100)), target="bought", fields={"w": "weight"})


def test_dat_24_an_empty_column_is_left_out_and_said():
    dataset = encoded(table(empty=[None] * 100), target="bought")
    assert "empty left out: it is empty in every row" in dataset.notes[1]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"target": "boght"}, '"bought"'),
        ({"fields": {"ages": "number"}}, '"age"'),
        ({"fields": {"age": "numbr"}}, '"number"'),
        ({"ignore": ("citty",)}, '"city"'),
    ],
)
def test_dat_16_names_that_are_not_there_are_refused_with_the_nearest(settings: dict[str, object], named: str):
    with pytest.raises(UsageRefusal, match=named):
        encoded(table(), **settings)


def test_dat_04_no_rows_are_refused_with_the_columns_seen():
    with pytest.raises(DataRefusal, match="0 rows") as refused:
        encoded(Examples("none", {"x": np.zeros(0), "y": np.zeros(0)}))
    assert "x, y" in refused.value.where


def test_columns_of_different_length_are_refused():
    with pytest.raises(DataRefusal, match="age 100, income 99"):
        encoded(table(income=np.ones(99)))


def test_dat_48_cells_that_hold_objects_are_refused():
    with pytest.raises(DataRefusal, match="city"):
        encoded(table(city=np.array([{"name": "Rome"}] * 100, dtype=object)))


def test_dat_17_a_target_with_gaps_is_refused_unless_such_rows_are_dropped():
    gaps = ["yes", "no", None, ""] * 25
    with pytest.raises(DataRefusal, match="50 of 100") as refused:
        encoded(table(bought=gaps))
    assert "rows 2, 3, 6" in refused.value.where
    dataset = encoded(table(bought=gaps), drop_missing_target=True)
    assert sum(len(rows) for rows in dataset.parts.values()) == 50


def test_rows_of_another_kind_are_refused_by_their_number_in_the_data():
    with pytest.raises(DataRefusal, match="row 42: 'old'"):
        encoded(table(age=[1.0] * 42 + ["old"] + [2.0] * 57), fields={"age": "number"})


def test_earlier_encodings_refuse_data_that_lack_a_field():
    first = encoded(table())
    examples = table()
    del examples.columns["city"]
    with pytest.raises(DataRefusal, match='"city"'):
        encode(examples, DataSettings(), seed=0, before=first.encodings)


def test_dat_18_a_constant_target_is_refused():
    with pytest.raises(DataRefusal, match="'yes' in every row"):
        encoded(table(bought=["yes"] * 100))
    with pytest.raises(DataRefusal, match="every row"):
        encoded(table(bought=np.full(100, 2.5)))


def test_dat_20_a_target_with_a_class_for_nearly_every_row_is_refused():
    with pytest.raises(DataRefusal, match="90 classes in 100 rows"):
        encoded(table(bought=[f"name{i % 90}" for i in range(100)]))


def test_dat_21_a_target_of_numbers_written_as_text_is_refused_with_three_of_them():
    with pytest.raises(DataRefusal, match="numbers written as text") as refused:
        encoded(table(bought=[f"${i},000.50" for i in range(100)]))
    assert refused.value.what.count("row ") == 3


def test_dat_22_infinity_in_an_input_is_refused_by_row():
    values = np.arange(100.0) ** 2
    values[[7, 90]] = np.inf
    with pytest.raises(DataRefusal, match="row 7: inf; row 90: inf") as refused:
        encoded(table(income=values))
    assert refused.value.details["count"] == 2


def test_a_gap_in_a_number_counts_as_the_mean():
    values = np.arange(100.0) ** 2
    values[7] = np.nan
    dataset = encoded(table(income=values))
    assert dataset.store.fields["numbers"][7, 1] == 0
    assert "gaps count as the mean: 1 in income (--ignore NAME" in dataset.notes[1]


def test_dat_25_mixed_types_become_categories_and_are_said():
    notes = encoded(table(city=[1, 2, "three", 1] * 25)).notes
    assert 'city: 2 distinct numbers and 1 texts such as "three"' in notes[1]


def test_num_02_nan_in_a_series_is_refused_by_row_and_place():
    series = np.sin(np.linspace(0, 6, 50) + np.arange(40)[:, None])
    series[5, 3] = np.nan
    with pytest.raises(DataRefusal, match="row 5: nan at 3"):
        encoded(Examples("s", {"x": series, "y": np.arange(40) % 2}))


def test_num_03_infinity_in_a_target_is_refused_by_row():
    target = np.arange(100.0) * 1.5
    target[4] = np.inf
    with pytest.raises(DataRefusal, match="row 4: inf"):
        encoded(table(bought=target))


def test_evl_03_a_class_that_train_lacks_stands_after_the_others():
    examples = table(bought=["b", "c"] * 45 + ["a"] * 10)
    examples.given = {"train": torch.arange(90), "test": torch.arange(90, 100)}
    dataset = encoded(examples)
    assert dataset.encodings.target.state() == {"values": [["b", "c", "a"]], "counts": [34, 34, 0]}


def test_only_some_classes_are_kept_in_the_parts_that_all_rows_have():
    examples = table(300, bought=np.arange(300) % 3)
    whole = encode(examples, DataSettings(), seed=0)
    some = encode(examples, DataSettings(), seed=0, only={"bought": [0, 2]})
    assert some.encodings.target.port.size == 2
    raw = examples.columns["age"]
    for part in PARTS:
        rows = [row for row in whole.parts[part].tolist() if row % 3 != 1]
        assert np.array_equal(some.examples.columns["age"][some.parts[part].numpy()], raw[rows])


def test_earlier_encodings_take_up_new_classes_after_those_they_know():
    examples = table(300, bought=np.arange(300) % 4)
    first = encode(examples, DataSettings(), seed=0, only={"bought": [2, 3]})
    second = encode(examples, DataSettings(), seed=0, only={"bought": [0, 1]}, before=first.encodings)
    assert second.encodings.target.state()["values"] == [[2, 3, 0, 1]]
    assert second.encodings["numbers"].state() == first.encodings["numbers"].state()
    assert first.encodings.target.port.size == 2


def test_evl_02_a_part_left_empty_is_refused_with_the_counts():
    examples = table(bought=["b", "c"] * 50)
    examples.given = {"train": torch.arange(0, 100, 2), "test": torch.arange(1, 100, 2)}
    with pytest.raises(DataRefusal, match="no row is left in test") as refused:
        encode(examples, DataSettings(stratified=False), seed=0, only={"bought": ["b"]})
    assert "test 50 before, 0 after" in refused.value.where


def test_prediction_encodes_as_training_did_whatever_the_order_of_fields():
    examples = table()
    dataset = encoded(examples)
    columns = {name: examples.columns[name] for name in ("city", "income", "age")} | {"more": np.zeros(100)}
    store = encode_columns(dataset.encodings, columns)
    assert set(store.fields) == {"numbers", "categories"}
    assert torch.equal(store.fields["numbers"], dataset.store.fields["numbers"])


def test_targets_are_encoded_where_they_are_given():
    dataset = encoded(table())
    store = encode_columns(dataset.encodings, table().columns)
    assert torch.equal(store.fields["bought"], dataset.store.fields["bought"])


def test_dat_33_fields_that_prediction_lacks_are_refused_with_the_nearest():
    dataset = encoded(table())
    with pytest.raises(DataRefusal, match=r'"age" \(numbers; did you mean "Age"\?\)'):
        encode_columns(dataset.encodings, {"Age": [1.0], "income": [1.0], "city": ["Rome"]})


def test_dat_34_an_unseen_category_is_unknown_and_said():
    dataset = encoded(table())
    store = encode_columns(dataset.encodings, {"age": [1.0], "income": [1.0], "city": ["Bern"]})
    assert store.fields["categories"].tolist() == [[0]]
    said = remarks(dataset.encodings, {"age": [1.0], "income": [1.0], "city": ["Bern"]})
    assert said == ['values that training did not see count as unknown: city 1 ("Bern")']


def test_dat_35_text_where_numbers_were_is_refused_by_row():
    dataset = encoded(table())
    with pytest.raises(DataRefusal, match="row 1: 'old'"):
        encode_columns(dataset.encodings, {"age": [1.0, "old"], "income": [1.0, 2.0], "city": ["Rome", "Rome"]})


def test_data_without_a_target_is_encoded():
    dataset = encoded(Examples("x", {"x": np.random.default_rng(0).normal(size=(50, 6))}))
    assert not dataset.encodings.of_role("target")
    assert dataset.notes[0] == "1 input, no target (--target NAME)"
