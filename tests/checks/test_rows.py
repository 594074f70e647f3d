"""Copies of rows: exact, rounded, with one cell changed; and labels that contradict each other."""

import hashlib

import numpy as np
import pytest
import torch

from tests.checks.planted import only, said, split, table
from thalweg.checks.check import check
from thalweg.data.dataset import Examples
from thalweg.fields.column import as_column, take


def with_copies(examples: Examples, rows: list[int]) -> Examples:
    columns = {name: list(as_column(one)) + list(take(as_column(one), rows)) for name, one in examples.columns.items()}
    return Examples(examples.name, columns, roles=examples.roles)


def test_a_copy_is_found_whatever_its_case_and_blanks_and_stays_beside_its_original():
    examples = with_copies(table(), [7, 9])
    examples.columns["town"][300] = f" {examples.columns['town'][300].upper()} "
    one = only("duplicates", examples)
    assert (one.severity, one.code, list(one.rows)) == ("note", "DUPLICATES", [300, 301])
    assert one.pairs.tolist() == [[7, 300], [9, 301]]
    assert "--keep-duplicates" in one.fix


def test_dat_37_test_rows_that_copy_training_rows_are_a_warning_with_both_rows():
    one = only("duplicates", split(with_copies(table(), [7]), share=0.9))
    assert (one.severity, one.code, list(one.rows)) == ("warn", "DUPLICATES_ACROSS", [300])
    assert "300 = 7" in one.what


def test_an_id_does_not_hide_a_copy():
    examples = with_copies(table(), [7])
    examples.columns["customer_id"] = np.arange(301) * 2
    assert list(only("duplicates", examples).rows) == [300]


def test_rows_of_few_bits_agree_by_coincidence_and_are_not_kept_together():
    draw = np.random.default_rng(0)
    few = {f"q{i}": draw.choice(["a", "b", "c"], 300).tolist() for i in range(4)}
    examples = Examples("poll", few | {"left": draw.choice(["yes", "no"], 300).tolist()}, roles={"left": "target"})
    one = only("duplicates", examples)
    assert "coincidence" in one.why
    assert one.pairs is None
    assert check(examples, quick=True).together is None


def test_dat_38_equal_inputs_of_two_classes_are_named_together():
    examples = with_copies(table(), [7, 9])
    examples.columns["left"][300] = "no" if examples.columns["left"][7] == "yes" else "yes"
    one = only("conflicting-labels", examples)
    assert (one.severity, sorted(one.rows)) == ("warn", [7, 300])


@pytest.mark.parametrize("digits", [0, 1])
def test_a_rounded_row_is_found(digits):
    examples = with_copies(table(), [3, 50, 120])
    for name in ("size", "weight", "age"):
        for row in (300, 301, 302):
            examples.columns[name][row] = round(examples.columns[name][row], digits)
    one = only("rounded-rows", examples)
    assert {300, 301, 302} <= set(one.pairs.ravel().tolist())
    assert len(one.pairs) == 3


def test_a_row_with_one_cell_changed_is_found():
    examples = with_copies(table(), [3, 50, 120])
    examples.columns["age"][300] = 44.44
    examples.columns["town"][301] = next(town for town in ("Bern", "Graz") if town != examples.columns["town"][301])
    examples.columns["size"][302] = 21.5
    assert only("edited-rows", examples).pairs.tolist() == [[3, 300], [50, 301], [120, 302]]


def test_copies_are_found_though_every_row_has_a_hash_of_its_own():
    examples = with_copies(table(), [7, 9])
    examples.columns["record"] = [hashlib.sha256(str(row).encode()).hexdigest()[:16] for row in range(302)]
    assert list(only("duplicates", examples).rows) == [300, 301]


def test_unrelated_rows_are_no_copies():
    for detector in ("duplicates", "conflicting-labels", "rounded-rows", "edited-rows"):
        assert said(detector, table()) == []


def test_copies_of_copies_form_one_group():
    groups = check(with_copies(table(), [7, 7, 9]), quick=True).together
    assert groups is not None
    assert groups[300:].tolist() == [7, 7, 9]
    assert groups[:300].tolist() == list(range(300))


def test_a_given_split_is_named_by_rows_of_the_whole():
    examples = with_copies(table(), [7])
    examples.given = {"test": torch.tensor([300])}
    assert only("duplicates", examples).code == "DUPLICATES_ACROSS"


def test_a_lone_surrogate_in_a_cell_is_a_value_like_others():
    examples = table()
    examples.columns["town"][3] = "\ud800"
    assert said("duplicates", examples) == []
