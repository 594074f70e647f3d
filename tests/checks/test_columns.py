"""Columns: constant, missing, mixed, sentinels, outliers, units, new categories, classes."""

import numpy as np
import pytest

from tests.checks.planted import ROWS, changed, only, said, split, table

ROWS_HIT = list(range(0, ROWS, 50))


def test_a_constant_column_and_one_that_is_mostly_missing_are_noted():
    gaps = np.where(np.arange(ROWS) % 5 == 0, 1.5 * np.arange(ROWS), np.nan)
    found = said("constant-columns", table(country=["CH"] * ROWS, fare=gaps))
    assert [(one.code, one.field) for one in found] == [("COLUMN_CONSTANT", "country"), ("COLUMN_MOSTLY_MISSING", "fare")]
    assert "80 %" in found[1].what
    assert found[1].fix == "--ignore fare"


def test_a_constant_date_is_shown_as_it_was_written():
    (written,) = said("constant-columns", table(seen=["05.03.2024"] * ROWS))
    assert '"seen" is "05.03.2024" in every row' in written.what
    (held,) = said("constant-columns", table(seen=np.full(ROWS, "2024-01-01T10:31:45", dtype="datetime64[ns]")))
    assert '"2024-01-01T10:31:45"' in held.what


def test_words_among_numbers_are_named_with_their_rows():
    words = changed(table().columns["age"].tolist(), dict.fromkeys(ROWS_HIT, "three"))
    one = only("mixed-types", table(age=words))
    assert (one.field, list(one.rows)) == ("age", ROWS_HIT)
    assert '"three"' in one.what


def test_numbers_written_as_text_are_numbers():
    assert said("mixed-types", table(age=[str(value) for value in table().columns["age"].tolist()])) == []


def test_several_spellings_of_missing_are_told_with_their_counts():
    words = changed(table().columns["town"], {0: "NA", 1: "n/a", 2: "?", 3: "?", 4: None})
    one = only("missing-spellings", table(town=words))
    assert "4 ways" in one.what
    assert '"?" 2' in one.what
    assert said("missing-spellings", table(town=changed(table().columns["town"], {0: "?", 7: "?"}))) == []


def test_unknown_is_a_class_of_its_own_but_beside_another_word_for_missing():
    towns = changed(table().columns["town"], {0: "unknown", 1: "unknown"})
    assert said("missing-spellings", table(town=towns)) == []
    one = only("missing-spellings", table(town=changed(towns, {5: "-"})))
    assert list(one.rows) == [0, 1, 5]


@pytest.mark.parametrize("value", [-999.0, 9999.0, -1.0])
def test_a_number_that_stands_for_missing_is_found(value):
    column = table().columns["age"].copy()
    column[ROWS_HIT] = value
    one = only("sentinels", table(age=column))
    assert (one.field, list(one.rows)) == ("age", ROWS_HIT)


def test_zeros_where_none_can_be_are_found():
    column = table().columns["weight"].copy()
    column[ROWS_HIT] = 0.0
    assert list(only("sentinels", table(weight=column)).rows) == ROWS_HIT


def test_values_far_from_all_others_are_found_and_long_tails_are_not():
    column = table().columns["weight"].copy()
    column[ROWS_HIT] = np.linspace(400, 900, len(ROWS_HIT))
    assert set(ROWS_HIT) <= set(only("outliers", table(weight=column)).rows)
    tails = np.exp(np.random.default_rng(0).normal(0, 1.5, ROWS))
    assert said("outliers", table(income=tails)) == []


def test_a_cloud_beyond_a_gap_is_found_in_a_column_with_a_long_tail_and_what_stands_for_missing_is_left_to_its_own_finding():
    tail = np.exp(np.random.default_rng(0).normal(0, 0.9, 600))
    tail[:12] = np.linspace(2, 5, 12) * tail.max()
    assert set(range(12)) <= set(only("outliers", table(600, income=tail)).rows)
    marked = table().columns["weight"].copy()
    marked[ROWS_HIT] = 99999.0
    assert said("outliers", table(weight=marked)) == []
    assert only("sentinels", table(weight=marked)).field == "weight"


def test_what_is_far_out_along_with_the_target_or_is_one_value_many_times_is_no_slip():
    column = table().columns["weight"].copy()
    yes = [row for row, label in enumerate(table().columns["left"]) if label == "yes"][:12]
    column[yes] = np.linspace(400, 900, len(yes))
    assert said("outliers", table(weight=column)) == []
    tail = np.exp(np.random.default_rng(1).normal(0, 0.9, 600))
    tail[::60] = 1.8 * tail.max()
    assert said("outliers", table(600, fare=tail)) == []


def test_rows_in_another_unit_are_found_where_the_gap_is_wide():
    column = table().columns["size"].copy()
    column[ROWS_HIT] *= 1000
    one = only("unit-change", table(size=column))
    assert (one.field, list(one.rows)) == ("size", ROWS_HIT)
    assert "1e+03" in one.what


def test_rows_in_another_unit_are_found_where_other_columns_tell_the_value():
    draw = np.random.default_rng(0)
    length = draw.lognormal(0, 0.9, 600)
    width = length * np.exp(draw.normal(0, 0.05, 600))
    spoilt = width.copy()
    spoilt[::40] *= 2.54
    base = table(600, length=length, width=spoilt)
    named = {row for one in said("unit-change", base) if one.field == "width" for row in one.rows}
    assert len(named & set(range(0, 600, 40))) >= 11
    assert said("unit-change", table(600, length=length, width=width)) == []


def test_ages_in_months_are_found_though_a_few_are_of_babies_and_nearly_all_are_named():
    draw = np.random.default_rng(0)
    ages = np.round(np.concatenate([draw.uniform(15, 80, 560), draw.uniform(1, 10, 40)]))
    spoilt = ages.copy()
    spoilt[:560:20] *= 12
    one = only("unit-change", table(600, age=spoilt))
    assert (one.field, "about 12 times" in one.what) == ("age", True)
    assert len(set(one.rows) & set(range(0, 560, 20))) >= 25
    assert len(set(one.rows) - set(range(0, 560, 20))) <= 1
    assert said("unit-change", table(600, age=ages)) == []
    ages[7] = np.inf
    assert said("unit-change", table(600, age=ages)) == []


def test_ten_times_as_much_is_found_among_amounts_spread_evenly_from_zero_on():
    elapsed = np.random.default_rng(2).permutation(np.arange(1.0, 601.0)) * 37
    spoilt = elapsed.copy()
    spoilt[::30] *= 10
    one = only("unit-change", table(600, elapsed=spoilt))
    assert (one.field, "about 10 times" in one.what) == ("elapsed", True)
    assert set(one.rows) <= set(range(0, 600, 30))
    assert len(one.rows) >= 14
    assert said("unit-change", table(600, elapsed=elapsed)) == []


def test_two_sorts_of_things_and_long_tails_are_no_change_of_unit():
    draw = np.random.default_rng(0)
    sorts = np.where(draw.random(600) < 0.2, 2.4, 1.0) * draw.lognormal(3, 0.3, 600)
    tail = np.exp(draw.exponential(0.8, 600))
    assert said("unit-change", table(600, area=sorts, income=tail)) == []


def test_categories_that_training_never_saw_are_found():
    towns = changed(table().columns["town"], {250: "Atlantis", 260: "Atlantis"})
    one = only("new-categories", split(table(town=towns)))
    assert (one.field, list(one.rows)) == ("town", [250, 260])
    assert said("new-categories", split(table())) == []


def test_rare_classes_are_noted_and_a_class_missing_from_the_test_is_a_warning():
    labels = ["rare" if row in (3, 4, 5) else label for row, label in enumerate(table().columns["left"])]
    found = said("class-balance", split(table(left=labels)))
    assert [(one.severity, one.code) for one in found] == [("note", "CLASSES_UNEVEN"), ("warn", "CLASS_MISSING")]
    assert '"rare"' in found[1].what


def test_dat_23_mixed_nulls_are_listed_with_their_counts():
    words = changed([str(value) for value in table().columns["age"]], {0: "NA", 1: "N/A", 2: "-", 3: "null", 4: "", 5: ""})
    one = only("missing-spellings", table(age=words))
    assert one.severity == "warn"
    assert all(f'"{word}" 1' in one.what for word in ("NA", "N/A", "-", "null"))
    assert '"empty" 2' in one.what


def test_words_and_numbers_for_missing_are_offered_as_such_and_a_correction_silences_them():
    words = changed([str(value) for value in table().columns["age"]], {0: "NA", 1: "none known", 2: "none known", 3: ""})
    one = only("mixed-types", table(age=words))
    assert one.fix.startswith("--missing 'none known' if that says")
    assert said("mixed-types", table(age=words), missing=("None known",)) == []
    assert said("missing-spellings", table(age=words), missing=("none known",)) == []
    age = table().columns["age"].copy()
    age[ROWS_HIT] = -999
    assert only("sentinels", table(age=age)).fix == "--missing -999 counts them as missing, or --ignore age"
    assert said("sentinels", table(age=age), missing=("-999",)) == []
    weight = changed(table().columns["weight"].tolist(), {1: -999.0})
    assert only("sentinels", table(age=age, weight=np.asarray(weight))).fix == "leave these cells empty, or --ignore age"
