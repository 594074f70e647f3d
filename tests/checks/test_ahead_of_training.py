"""The check where people meet it: ahead of a training, on the command line, and against a run."""

import csv
import json

import numpy as np
import pytest

import thalweg as tw
from tests.checks.planted import changed, table
from thalweg.checks.ahead import suspicions, told
from thalweg.checks.check import Checked, check, look
from thalweg.checks.finding import Finding
from thalweg.checks.looked import Looked
from thalweg.checks.subject import Subject
from thalweg.cli.program import main
from thalweg.core import registry
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.data.splits import split

COPIES = [(3, 120), (8, 121), (15, 122), (40, 123), (77, 124)]


def rows_of(examples):
    columns = [list(column) for column in examples.columns.values()]
    return [list(examples.columns), *map(list, zip(*columns, strict=True))]


@pytest.fixture
def file(tmp_path):
    """A table of 125 rows, the last five of which are copies."""
    names, *rows = rows_of(table(120))
    path = tmp_path / "people.csv"
    with path.open("w", newline="") as out:
        csv.writer(out).writerows([names, *rows, *(rows[one] for one, _ in COPIES)])
    return path


def parts_of(dataset):
    part = np.full(len(dataset.examples), -1)
    for number, rows in enumerate(dataset.parts.values()):
        part[rows.numpy()] = number
    return part


def test_copies_stay_in_one_part_also_when_the_run_is_opened_again(file, tmp_path):
    from thalweg import api

    run = tw.train(file, target="left", epochs=1, compare=False, out=tmp_path / "run")
    part = parts_of(run.fitted.dataset)
    assert all(part[one] == part[two] for one, two in COPIES)
    written = json.loads((tmp_path / "run" / "data.json").read_text())
    assert [one["code"] for one in written["findings"]] == ["DUPLICATES"]
    assert written["together"] == [list(pair) for pair in COPIES]
    again = api.dataset_of(tw.load(tmp_path / "run"))
    assert again.digest == run.fitted.dataset.digest


@pytest.fixture
def parted(file, tmp_path):
    """The same table with a column `split`; the copies stand in the test part, the rows that they copy in training."""
    names, *rows = list(csv.reader(file.open(newline="")))
    path = tmp_path / "parted.csv"
    with path.open("w", newline="") as out:
        part = ["test" if row >= 100 else "train" for row in range(len(rows))]
        csv.writer(out).writerows([[*names, "split"], *([*row, one] for row, one in zip(rows, part, strict=True))])
    return path


def test_a_column_that_gives_the_parts_is_read_as_such_and_copies_across_them_are_a_leak(parted, tmp_path):
    asked = tw.check(parted, target="left")
    run = tw.train(parted, target="left", epochs=1, compare=False, out=tmp_path / "run")
    ahead = json.loads((tmp_path / "run" / "data.json").read_text())["findings"]
    for found in ([one.as_json() for one in asked.findings], ahead):
        [one] = [one for one in found if one["code"].startswith("DUPLICATES")]
        assert (one["code"], one["severity"], one["rows"]) == ("DUPLICATES_ACROSS", "warn", [two for _, two in COPIES])
    assert set(run.fitted.dataset.parts["test"].tolist()) == set(range(100, 125))


def test_no_check_leaves_no_findings_and_cuts_as_before(file, tmp_path):
    run = tw.train(file, target="left", epochs=1, compare=False, check=False, out=tmp_path / "run")
    assert "findings" not in json.loads((tmp_path / "run" / "data.json").read_text())
    assert run.fitted.dataset.examples.together is None


def test_copies_follow_their_first_row_and_all_rows_are_cut():
    examples = table(100)
    examples.together = np.arange(100)
    examples.together[[50, 60, 70]] = 5
    for stratified in (True, False):
        settings = DataSettings(stratified=stratified)
        parts = split(examples, settings, seed=0, strata=examples.columns["left"])
        assert sorted(row for rows in parts.values() for row in rows.tolist()) == list(range(100))
        [home] = [rows.tolist() for rows in parts.values() if 5 in rows.tolist()]
        assert {50, 60, 70} <= set(home)


def test_the_command_line_shows_each_finding_and_leaves_with_3_where_one_refuses(file, tmp_path, capsys):
    assert main(["check", str(file), "--target", "left"]) == 0
    shown = capsys.readouterr().out
    assert "5 rows are copies of other rows (3 = 120" in " ".join(shown.split())
    names, *rows = list(csv.reader(file.open()))
    disguised = tmp_path / "disguised.csv"
    with disguised.open("w", newline="") as out:
        csv.writer(out).writerows([[*names, "code"], *([*row, {"yes": "B7"}.get(row[-1], "A1")] for row in rows)])
    assert main(["check", str(disguised), "--target", "left", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["findings"][0]["code"] == "TARGET_IN_DISGUISE"


def test_a_quick_look_says_in_one_line_at_how_much_it_looked_and_what_looks_at_all():
    partly = [Looked("copies and faults of pictures", 375, 1797), Looked("wrong labels", 0, 1797)]
    [line] = told(Checked([], 1797, partly), "digits")
    assert line == "nothing found in a quick look at 375 of 1,797 rows; thalweg check digits looks at all"
    assert told(Checked([], 150, partly[1:]), "iris") == ["nothing found in a quick look; thalweg check iris looks at all"]
    assert told(Checked([], 150), None) == ["nothing found"]
    assert [str(one) for one in partly] == [
        "copies and faults of pictures in 375 of 1,797 rows",
        "wrong labels in none of 1,797 rows",
    ]


def test_findings_ahead_of_a_training_are_told_gravest_first_and_counted():
    notes = [Finding("note", "OUTLIERS", f"column {i} is odd", "") for i in range(5)]
    warning = Finding("warn", "SHIFT", "test differs", "", "--ignore x")
    assert told(Checked([warning, *notes], 90), "a.csv") == [
        "6 findings: test differs; --ignore x",
        "5 more: thalweg check a.csv shows all",
    ]


def test_leaks_are_told_first_and_a_nearly_perfect_result_points_at_them():
    draw = np.random.default_rng(1)
    left = np.asarray(table(300).columns["left"])
    paid = (left == "yes") ^ (draw.random(300) < 0.03)
    examples = table(300, paid=np.where(paid, 1.5, 0.0), town=changed(table(300).columns["town"], {0: "NA", 1: "?"}))
    checked = check(examples, quick=True)
    assert [one.code for one in checked.findings[:2]] == ["GIVES_IT_AWAY", "MISSING_SPELLINGS"]
    findings = checked.as_json()["findings"]
    [note] = suspicions(findings, {"accuracy": {"value": 0.98}, "log-loss": {"value": 0.01}})
    assert '"paid" alone predicts' in note
    assert suspicions(findings, {"accuracy": {"value": 0.9}}) == suspicions(findings[1:], {"accuracy": {"value": 1.0}}) == []


def test_new_data_are_held_against_the_rows_that_a_run_learned_from(file, tmp_path):
    run = tw.train(file, target="left", epochs=1, compare=False, out=tmp_path / "run")
    learned = run.fitted.dataset.parts["train"].tolist()
    names, *rows = list(csv.reader(file.open()))
    strangers = rows_of(table(160))[125:]
    new = tmp_path / "new.csv"
    with new.open("w", newline="") as out:
        csv.writer(out).writerows([names, *strangers, rows[learned[4]], rows[learned[9]]])
    found = {one.code: list(one.rows) for one in tw.check(new, against=run).findings}
    assert found["DUPLICATES_ACROSS"] == [len(strangers), len(strangers) + 1]


def test_a_search_that_could_name_too_few_rows_to_tell_is_left_out_and_said():
    rows = 70_000
    draw = np.random.default_rng(0)
    columns = {name: draw.normal(size=rows) for name in "abc"}
    subject = Subject.of(Examples("large", columns), DataSettings(target="none"), quick=True)
    assert registry.load("detector", "edited-rows")(subject) == []
    assert Looked("copies with one cell changed", 0, rows) in subject.looked


def test_columns_of_plain_numbers_are_looked_at_as_numbers_and_words_among_them_as_they_are_written():
    rows = [f"{value:.2f}" for value in np.random.default_rng(0).normal(50, 20, 120)]
    gaps, words = changed(rows, {3: "n/a", 9: "", 40: ""}), changed(rows, {3: "three", 9: "three"})
    subject = Subject.of(table(120, plain=rows, gaps=gaps, words=words), DataSettings(), quick=True)
    plain = subject.fields["plain"]
    assert plain.written is plain
    assert plain.numbers.tolist() == [float(row) for row in rows]
    assert subject.fields["gaps"].written.values.count("n/a") == 1
    found = {(one.code, one.field): list(one.rows) for one in look(subject, subject).findings}
    assert found[("TYPES_MIXED", "words")] == [3, 9]
    assert found[("MISSING_SPELLINGS", "gaps")] == [3, 9, 40]


def test_numbers_with_a_comma_are_read_beside_a_run_as_in_it_and_what_new_rows_hold_is_counted_alone(tmp_path):
    draw = np.random.default_rng(0)
    back = [f"{value:.2f}".replace(".", ",") if value > 0 else "0,00" for value in draw.normal(-2, 3, 120)]
    age = ["", "n/a", "", *(str(value) for value in draw.integers(18, 80, 117))]
    rows = [f"{one};{two};{'yes' if number % 2 else 'no'}" for number, (one, two) in enumerate(zip(age, back, strict=True))]
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("\n".join(["age;back;left", *rows]))
    run = tw.train(old, epochs=1, compare=False, out=tmp_path / "run")
    new.write_text("\n".join(["age;back;left", "n/a;0,00;no", "na;9,50;yes", *rows[60:100]]))
    found = {one.code: one for one in tw.check(new, against=run).findings}
    assert not {"CATEGORIES_NEW", "SHIFT"} & set(found)
    assert '"n/a" 1, "na" 1' in found["MISSING_SPELLINGS"].what
