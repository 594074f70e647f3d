"""Splits: time, groups, shifts; and time stamps out of order."""

import numpy as np
import torch

from tests.checks.planted import ROWS, only, said, split, table
from thalweg.data.dataset import Examples

DAYS = [str(day) for day in np.datetime64("2020-01-01") + np.arange(ROWS)]


def test_dat_54_training_rows_from_the_future_are_named():
    examples = table(visited=DAYS)
    late = [250, 260, 270]
    train = [*range(200), *late]
    examples.given = {"train": torch.tensor(train), "test": torch.tensor([row for row in range(ROWS) if row not in train])}
    one = only("time-leak", examples)
    assert (one.severity, list(one.rows)) == ("warn", late)
    assert "--time visited" in one.fix


def test_a_split_that_is_cut_by_time_is_left_in_peace():
    assert said("time-leak", split(table(visited=DAYS))) == []


def test_patients_on_both_sides_of_a_given_split_are_named():
    patients = [f"P{number:03d}" for number in np.random.default_rng(0).integers(0, 60, ROWS)]
    one = only("group-leak", split(table(patient_id=patients)))
    assert one.severity == "warn"
    assert "--group patient_id" in one.fix


def test_groups_are_told_before_we_cut_and_not_once_they_are_named():
    patients = [f"P{number:03d}" for number in np.random.default_rng(0).integers(0, 60, ROWS)]
    assert [one.field for one in said("group-leak", table(patient_id=patients))] == ["patient_id"]
    assert said("group-leak", table(patient_id=patients), group="patient_id") == []


def test_a_shift_between_training_and_test_names_the_column():
    weight = table().columns["weight"].copy()
    weight[210:] += 12
    one = only("shift", split(table(weight=weight)))
    assert (one.severity, one.field) == ("warn", "weight")
    assert said("shift", split(table())) == []


def test_dat_54_rows_out_of_order_and_moments_standing_twice_are_named():
    times = list(DAYS)
    times[20], times[100] = times[100], times[20]
    times[200] = times[199]
    found = {one.code: list(one.rows) for one in said("time-order", table(measured=times))}
    assert found == {"TIME_UNSORTED": [20, 100], "TIME_TWICE": [200]}
    assert said("time-order", table(measured=DAYS)) == []


def test_days_before_months_are_read_as_they_run():
    written = [f"{day[8:10]}/{day[5:7]}/{day[:4]}" for day in DAYS]
    assert said("time-order", table(measured=written)) == []


def test_dates_that_begin_anew_for_each_of_many_do_not_run_on_at_all():
    visits = [f"2024-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(ROWS)]
    assert said("time-order", table(visited=visits)) == []


def test_darker_photos_in_the_test_are_named_by_what_differs():
    draw = np.random.default_rng(0)
    images = draw.normal(128, 25, (120, 1, 1, 1)) + draw.normal(0, 40, (120, 24, 24, 3))
    images = np.clip(images, 0, 255).astype(np.uint8)
    assert said("shift", split(Examples("album", {"image": images}, kinds={"image": "image"}))) == []
    images[84:] = (0.8 * images[84:]).astype(np.uint8)
    one = only("shift", split(Examples("album", {"image": images}, kinds={"image": "image"})))
    assert "brightness of the brightest of image" in one.field


def test_shorter_texts_in_the_test_are_named_by_their_words():
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(["the", "boat", "sails", "far"], 12)) for _ in range(120)]
    columns = {"text": [*texts[:84], *(" ".join(one.split()[:7]) for one in texts[84:])], "class": ["a", "b"] * 60}
    made = split(Examples("reviews", columns, kinds={"text": "text"}, roles={"class": "target"}))
    assert "words of text" in only("shift", made).field
