"""Columns against the target: disguise, a noisy giveaway, ids; wrong labels."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from tests.checks.planted import ROWS, changed, only, said, table
from thalweg.checks.against_target import AgainstTarget, as_number
from thalweg.checks.check import check
from thalweg.checks.subject import Subject
from thalweg.core.errors import DataRefusal
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings


def with_disguise() -> Examples:
    return table(code=[{"yes": "B7", "no": "A1"}[one] for one in table().columns["left"]])


def test_dat_36_the_target_in_disguise_refuses_until_somebody_decides():
    with pytest.raises(DataRefusal) as caught:
        check(with_disguise(), quick=True).refuse()
    assert caught.value.code == "TARGET_IN_DISGUISE"
    assert caught.value.exit_code == 3
    assert "--ignore code" in caught.value.fix
    assert "--keep code" in caught.value.fix
    for settings in (DataSettings(keep=("code",)), DataSettings(ignore=("code",))):
        check(with_disguise(), settings, quick=True).refuse()


def test_a_number_that_follows_the_target_in_another_scale_is_a_disguise():
    price = table().columns["size"] ** 2 + 3
    examples = table(price=price)
    examples.roles = {"price": "target"}
    assert [one.field for one in said("target-in-disguise", examples)] == ["size"]


def test_a_target_with_its_unit_is_a_disguise_and_one_with_noise_gives_it_away():
    size = table().columns["size"]
    noisy = size * np.random.default_rng(9).normal(1, 0.05, ROWS)
    examples = table(price=[f"{value:.5g} EUR" for value in size], offer=[f"$ {value:.2f}" for value in noisy])
    examples.roles = {"size": "target"}
    assert [one.field for one in said("target-in-disguise", examples)] == ["price"]
    assert [one.severity for one in said("target-in-disguise", examples)] == ["warn"]  # left out: no two rows share a value
    assert [one.field for one in said("gives-it-away", examples)] == ["offer"]


def test_where_most_columns_tell_the_target_none_is_a_disguise():
    whole = np.arange(200.0)
    examples = Examples("easy", {"a": whole, "b": 2 * whole, "y": whole + 1}, roles={"y": "target"})
    assert said("target-in-disguise", examples) == []


def test_a_column_that_gives_the_target_away_with_noise_is_a_warning():
    draw = np.random.default_rng(0)
    labels = table().columns["left"]
    code = [label if draw.random() > 0.02 else "no" for label in labels]
    one = only("gives-it-away", table(code=code))
    assert (one.severity, one.field) == ("warn", "code")
    assert "AUC 0.9" in one.what
    assert said("gives-it-away", table(code=code), keep=("code",)) == []


def test_two_columns_that_give_the_target_away_do_not_hide_each_other():
    labels = table(800).columns["left"]
    codes = {}
    for seed, name in enumerate(("code", "stamp")):
        draw = np.random.default_rng(seed)
        codes[name] = [label if draw.random() > 0.02 else "no" for label in labels]
    assert sorted(one.field for one in said("gives-it-away", table(800, **codes))) == ["code", "stamp"]


def refunded(share: float, *, rows: int = ROWS) -> list[float]:
    """Money that comes back to a share of those who left, and to nobody else."""
    draw = np.random.default_rng(1)
    return [
        round(draw.uniform(5, 90), 2) if one == "yes" and draw.random() < share else 0.0 for one in table(rows).columns["left"]
    ]


@pytest.mark.parametrize(("share", "code"), [(0.5, "GIVES_CLASS_AWAY"), (0.95, "GIVES_IT_AWAY")])
def test_values_that_one_class_has_alone_are_told_exactly_however_little_the_column_tells_of_the_rest(share, code):
    money = refunded(share)
    one = only("gives-it-away", table(refund=money))
    count = sum(value > 0 for value in money)
    assert (one.severity, one.code, one.field, one.concern) == ("warn", code, "refund", "leak")
    assert f'all {count} rows in which "refund" is not "0" have left "yes"' in one.what
    assert said("gives-it-away", table(refund=money), keep=("refund",)) == []


def test_a_code_that_stands_in_one_class_alone_is_told_and_one_of_few_rows_is_not():
    labels = table().columns["left"]
    yes = [row for row, label in enumerate(labels) if label == "yes"]
    codes = np.random.default_rng(2).choice(["A1", "B2", "C3"], ROWS).tolist()
    one = only("gives-it-away", table(code=changed(codes, dict.fromkeys(yes[::2], "X9"))))
    assert f'all {len(yes[::2])} rows in which "code" is "X9"' in one.what
    assert said("gives-it-away", table(code=changed(codes, dict.fromkeys(yes[:15], "X9")))) == []


def present(word: str, share: float, cells: list | None = None) -> list[str]:
    """A word, or a cell of its own, in a share of those who left, and nothing for anybody else."""
    draw = np.random.default_rng(3)
    cells = cells or [word] * ROWS
    return [cells[row] if one == "yes" and draw.random() < share else "" for row, one in enumerate(table().columns["left"])]


@pytest.mark.parametrize("cells", ["flag", "day", "number", "complaint"])
def test_what_stands_in_rows_of_one_class_only_gives_it_away_whatever_stands_there(cells):
    held = {
        "flag": ["first reminder"] * ROWS,
        "day": [str(np.datetime64("2024-01-01") + row % 300) for row in range(ROWS)],
        "number": [f"R-{90_000 + row}" for row in range(ROWS)],
        "complaint": [f"the parcel number {row} came late and the box was open again" for row in range(ROWS)],
    }[cells]
    column = present("", 0.6, held)
    one = only("gives-it-away", table(after=column))
    count = sum(value != "" for value in column)
    assert (one.code, one.field) == ("GIVES_CLASS_AWAY", "after")
    says = 'is "first reminder"' if cells == "flag" else "is not missing"
    assert f'all {count} rows in which "after" {says} have left "yes"' in one.what


def test_a_mark_that_stands_exactly_where_the_class_does_is_the_target_in_disguise():
    one = only("target-in-disguise", table(mark=present("X", 1.0)))
    assert (one.severity, one.field) == ("refuse", "mark")


def test_what_other_columns_know_as_surely_is_no_giveaway():
    size = table().columns["size"]
    examples = table(large=np.where(size > np.median(size), "L", "S").tolist())
    examples.columns["left"] = np.where(size > np.quantile(size, 0.25), "yes", "no").tolist()
    assert "large" not in [one.field for one in said("gives-it-away", examples)]


SYLLABLES = ("ba", "do", "ki", "lu", "me", "no", "ri", "sa", "tu", "ve")


def names(rows: int = 240) -> list[str]:
    """First, middle and last names put together at random."""
    draw = np.random.default_rng(3)
    return [" ".join("".join(draw.choice(SYLLABLES, n)).capitalize() for n in (2, 2, 3)) for _ in range(rows)]


def test_names_that_tell_nothing_of_new_rows_are_told_where_they_are_what_there_is_to_learn_from():
    bought = np.random.default_rng(4).choice(["yes", "no"], 240).tolist()
    alone = only("learned-by-heart", Examples("named", {"Name": names(), "bought": bought}, roles={"bought": "target"}))
    assert (alone.severity, alone.field) == ("warn", "Name")
    assert alone.fix == "add columns that say more, and --ignore Name"
    age = np.random.default_rng(5).uniform(20, 80, 240)
    beside = Examples("named", {"Name": names(), "age": age, "bought": bought}, roles={"bought": "target"})
    assert [(one.severity, one.fix) for one in said("learned-by-heart", beside)] == [("note", "--ignore Name")]
    assert said("learned-by-heart", beside, keep=("Name",)) == []


def test_names_that_tell_the_target_and_names_among_many_columns_are_left_in_peace():
    ends = ["a" if name.endswith(("a", "o")) else "b" for name in names()]
    told = Examples("named", {"Name": names(), "kind": ends}, roles={"kind": "target"})
    assert said("learned-by-heart", told) == []
    assert said("learned-by-heart", table(240, Name=names())) == []


def test_an_id_in_the_order_of_the_target_is_a_warning_and_others_are_none():
    labels = np.asarray(table().columns["left"])
    order = np.argsort(np.argsort((labels == "yes") + np.random.default_rng(0).normal(0, 0.5, ROWS)))
    assert [one.field for one in said("predictive-ids", table(record_id=order + 1000))] == ["record_id"]
    assert said("predictive-ids", table(record_id=np.random.default_rng(0).permutation(ROWS))) == []


def test_clean_sets_have_no_column_that_gives_the_target_away():
    data = load_breast_cancer()
    columns = {str(name): data.data[:, i] for i, name in enumerate(data.feature_names)}
    examples = Examples("cancer", {**columns, "y": data.target.astype(str).tolist()}, roles={"y": "target"})
    assert said("target-in-disguise", examples) + said("gives-it-away", examples) == []


def test_wrong_labels_of_digits_are_found_and_true_ones_are_left_in_peace():
    data = load_digits()
    images, labels = data.images[:600], data.target[:600].astype(str).tolist()
    clean = Examples("digits", {"image": images, "class": labels}, roles={"class": "target"}, kinds={"image": "image"})
    rows = list(range(5, 600, 40))
    spoilt = changed(labels, {row: str((int(labels[row]) + 3) % 10) for row in rows})
    one = only("label-errors", Examples("digits", {"image": images, "class": spoilt}, roles=clean.roles, kinds=clean.kinds))
    named = set(one.rows)
    assert one.severity == "warn"
    assert len(named & set(rows)) >= 4
    assert len(named - set(rows)) <= 0.3 * len(named)
    assert said("label-errors", clean) == []


@pytest.mark.filterwarnings("error")
def test_infinite_numbers_are_gaps_to_quick_models_and_to_distances():
    far = np.random.default_rng(1).normal(size=ROWS)
    far[[3, 7]] = np.inf, -np.inf
    read = as_number(Subject.of(table(far=far), DataSettings()).fields["far"])
    assert np.flatnonzero(np.isnan(read)).tolist() == [3, 7]
    assert not np.isinf(read).any()
    assert said("rounded-rows", table(far=far)) == []


def test_a_class_is_told_from_all_others_at_once_ahead_of_a_training_and_by_itself_else():
    draw = np.random.default_rng(0)
    kind = np.concatenate([draw.integers(0, 3, 1996), [3, 3, 3, 3]])
    columns = {"hint": kind + draw.normal(0, 0.1, 2000), "noise": draw.normal(size=2000), "kind": [f"k{one}" for one in kind]}
    for quick in (True, False):
        subject = Subject.of(Examples("planted", columns, roles={"kind": "target"}), DataSettings(), quick=quick)
        against = AgainstTarget.of(subject)
        sure, rare = (against.surety(subject.inputs, np.flatnonzero(kind == code), code, most=400) for code in (0, 3))
        assert sure > 0.9
        assert 0 <= rare <= 1
