"""Series in tables: a row a series (wide), or a row a step (long); found, said, corrected, and read alike at prediction."""

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.refusing import expect_refusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.talk import Talk
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.fields.ragged import Ragged
from thalweg.packages.given import columns_of
from thalweg.packages.package import load_package
from thalweg.training.fit import fit
from thalweg.training.requested import run_settings

STEPS = 24


def waves(count: int = 60, *, steps: int = STEPS) -> tuple[np.ndarray, list[str]]:
    """Waves (N, T) and how often they swing, in a word."""
    generator, time = np.random.default_rng(0), np.linspace(0, 6, steps)
    phases = generator.uniform(0, 3, count)
    rows = [np.sin((1 + 2 * (i % 2)) * time + phases[i]) + 0.05 * generator.normal(size=steps) for i in range(count)]
    return np.round(np.stack(rows), 4), ["slow" if i % 2 == 0 else "fast" for i in range(count)]


def written(path: Path, names: list[str] | None, rows: list[list[object]], *, sign: str = ",") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=sign)
        writer.writerows([*([names] if names else []), *rows])
    return path


def wide(path: Path, table: np.ndarray, labels: list[str] | None, *, shown: object = lambda value: value) -> Path:
    names = [f"t{i}" for i in range(table.shape[1])] + (["label"] if labels else [])
    rows = [[shown(value) for value in row] + ([labels[i]] if labels else []) for i, row in enumerate(table)]
    return written(path, names, rows)


def long(path: Path, count: int = 40, *, labels: bool = True, shuffled: bool = False) -> Path:
    table, words = waves(count)
    rows = []
    for i, row in enumerate(table):
        length = STEPS - i % 5
        rows += [[f"s{i}", k, row[k], -row[k], *([words[i]] if labels else [])] for k in range(length)]
    if shuffled:
        order = np.random.default_rng(1).permutation(len(rows))
        rows = [rows[i] for i in order]
    return written(path, ["id", "time", "x", "y", *(["label"] if labels else [])], rows)


def quick(path: Path):
    return run_settings({"source": str(path), "threads": 1, "model": {"name": "random-kernels", "settings": {"shares": 252}}})


def said(examples) -> str:
    return " ".join(examples.notes)


def test_a_row_with_a_column_for_each_step_is_a_series(tmp_path):
    table, labels = waves()
    examples = read(wide(tmp_path / "waves.csv", table, labels))
    assert np.array_equal(examples.columns["t"], table)
    assert examples.kinds["t"] == "series"
    assert "the 24 columns t0 to t23 are read as t" in said(examples)
    assert encode(examples, DataSettings(), seed=0).encodings.target.name == "label"


def test_columns_of_steps_stay_numbers_where_the_user_says_so(tmp_path):
    table, labels = waves()
    settings = DataSettings(fields={"t": "number"})
    examples = read(wide(tmp_path / "waves.csv", table, labels), settings)
    assert list(examples.columns)[:2] == ["t0", "t1"]
    assert [one.kind for one in encode(examples, settings, seed=0).encodings.inputs] == ["number"]


def test_steps_that_are_lacking_at_the_end_make_series_of_their_own_lengths(tmp_path):
    table, labels = waves()
    for i in range(len(table)):
        table[i, STEPS - i % 6 :] = np.nan
    table[3, 5] = np.nan
    examples = read(wide(tmp_path / "waves.csv", table, labels, shown=lambda value: "" if np.isnan(value) else value))
    rows = examples.columns["t"]
    assert [len(row) for row in rows] == [STEPS - i % 6 for i in range(len(table))]
    assert rows[3][5] == pytest.approx((table[3, 4] + table[3, 6]) / 2)
    assert "19 to 24 steps; gaps in 1 series" in said(examples)
    assert isinstance(encode(examples, DataSettings(), seed=0).store.fields["t"], Ragged)


def test_a_file_without_names_as_the_archive_has_it_begins_with_the_class(tmp_path):
    table, labels = waves()
    rows = [[1 + (word == "fast"), *row] for word, row in zip(labels, table, strict=True)]
    settings = DataSettings(header=False)
    examples = read(written(tmp_path / "Waves_TRAIN.tsv", None, rows, sign="\t"), settings)
    dataset = encode(examples, settings, seed=0)
    assert dataset.encodings.target.name == "column_1"
    assert np.array_equal(examples.columns["series"], table)


def test_a_folder_with_the_two_files_of_the_archive_keeps_their_split(tmp_path):
    table, labels = waves()
    for part, half in (("TRAIN", slice(0, 40)), ("TEST", slice(40, 60))):
        rows = [[1 + (word == "fast"), *row] for word, row in zip(labels[half], table[half], strict=True)]
        written(tmp_path / f"Waves_{part}.tsv", None, rows, sign="\t")
    examples = read(tmp_path, DataSettings(header=False))
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 40, "test": 20}
    assert np.array_equal(np.stack(examples.columns["series"]), table)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(np.random.default_rng(0).normal(size=(60, 28)), id="unrelated columns"),
        pytest.param(np.round(waves()[0] * 100), id="whole numbers"),
        pytest.param(waves()[0][:, :12], id="few columns"),
        pytest.param(waves()[0] * 10.0 ** (np.arange(STEPS) % 3 * 2), id="columns of several scales"),
    ],
)
def test_numbered_columns_that_are_no_steps_stay_numbers(tmp_path, table):
    examples = read(wide(tmp_path / "table.csv", table, ["a", "b"] * 30))
    assert "t0" in examples.columns
    assert "t" not in examples.columns


def test_rows_under_an_id_and_a_time_are_the_steps_of_series(tmp_path):
    examples = read(long(tmp_path / "waves.csv", shuffled=True))
    table, labels = waves(40)
    place = {name: i for i, name in enumerate(examples.columns["id"])}
    seventh = examples.columns["series"][place["s7"]]
    assert np.array_equal(seventh, np.stack([table[7][:22], -table[7][:22]], axis=1))
    assert examples.columns["label"][place["s7"]] == labels[7]
    assert "40 series, one for each id, in the order of time: series, 20 to 24 steps of x, y" in said(examples)
    dataset = encode(examples, DataSettings(), seed=0)
    assert dataset.facts["ids"] == ["id"]
    assert [one.kind for one in dataset.encodings.inputs] == ["series"]


def test_a_column_that_is_the_same_throughout_a_series_stands_beside_it_and_may_be_a_number_to_predict(tmp_path):
    table, _ = waves(40)
    rows = [[i, k, row[k], 20 + i % 7, round(float(row.std()), 3)] for i, row in enumerate(table) for k in range(STEPS)]
    examples = read(written(tmp_path / "waves.csv", ["unit", "step", "x", "age", "power"], rows))
    encodings = encode(examples, DataSettings(), seed=0).encodings
    assert {one.name: one.kind for one in encodings.values()} == {"x": "series", "numbers": "number", "power": "number"}
    assert encodings.target.name == "power"


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"group": "id"}, id="rows in whole groups"),
        pytest.param({"fields": {"id": "category"}}, id="the id is an input"),
        pytest.param({"target": "y"}, id="the target changes within a series"),
    ],
)
def test_rows_stay_examples_of_their_own_where_the_user_says_so(tmp_path, settings):
    examples = read(long(tmp_path / "waves.csv"), DataSettings(**settings))
    assert "series" not in examples.columns
    assert len(examples) > 800


def test_visits_with_an_outcome_of_words_for_each_are_examples_of_their_own(tmp_path):
    rows = [
        f"P{i // 4},2024-01-{1 + i % 4:02},{20 + i // 4},{60 + i * 7 % 31 / 3:.1f},{('no', 'yes')[i * 5 % 3 > 0]}"
        for i in range(200)
    ]
    (tmp_path / "visits.csv").write_text("patient,visited,age,weight,healthy\n" + "\n".join(rows))
    assert list(read(tmp_path / "visits.csv").columns) == ["patient", "visited", "age", "weight", "healthy"]


def test_a_long_table_is_taken_for_one_where_the_user_names_its_columns(tmp_path):
    table, labels = waves(30)
    rows = [[labels[i], f"machine {i}", k, row[k]] for i, row in enumerate(table) for k in range(STEPS)]
    path = written(tmp_path / "log.csv", ["state", "which", "place", "volts"], rows)
    assert len(read(path)) == 30 * STEPS
    settings = DataSettings(fields={"which": "id", "volts": "series"}, time="place", target="state")
    examples = read(path, settings)
    assert np.array_equal(examples.columns["volts"], table)
    dataset = encode(examples, settings, seed=0)
    assert len(dataset.parts["train"]) == 18


def test_series_are_seen_by_what_columns_hold_where_no_name_says_so(tmp_path):
    table, _ = waves(20)
    rows = [
        [f"m{i}", f"2024-03-{1 + k // 24:02d} {k % 24:02d}:00", row[k], "AB"[i % 2], round(float(row.std()), 4)]
        for i, row in enumerate(table)
        for k in range(STEPS)
    ]
    path = written(tmp_path / "log.csv", ["motor", "taken", "volts", "site", "hours_left"], rows)
    examples = read(path)
    assert len(examples) == 20
    assert examples.roles["motor"] == "id"
    noisy = [[*row[:4], row[4] + k % 3] for k, row in enumerate(rows)]  # what is to be predicted changes within a motor
    assert len(read(written(tmp_path / "other.csv", ["motor", "taken", "volts", "site", "hours_left"], noisy))) == len(rows)


def test_dat_54_a_moment_that_stands_twice_in_a_series_is_refused_by_row(tmp_path):
    rows = [["a", 1, 0.5, "x"], ["a", 2, 0.6, "x"], ["a", 2, 0.7, "x"], ["b", 1, 0.1, "z"], ["b", 2, 0.3, "z"]]
    path = written(tmp_path / "log.csv", ["id", "time", "v", "label"], rows)
    settings = DataSettings(fields={"v": "series"})
    with expect_refusal("DATA_TIME_STEPS", exit_code=3) as refused:
        read(path, settings)
    assert "a moment that stands twice in its series" in refused.value.what
    assert refused.value.details == {"rows": [2]}


def archive(path: Path, table: np.ndarray, labels: list[str] | None) -> Path:
    """Two channels in lengths of their own, as the UEA archive has them."""
    lines = ["@problemName Waves", f"@classLabel {'true slow fast' if labels else 'false'}", "@data"]
    for i, row in enumerate(table):
        kept = row[: STEPS - i % 4]
        channels = [",".join(f"{value:.4f}" for value in one) for one in (kept, -2 * kept)]
        lines.append(":".join([*channels, *([labels[i]] if labels else [])]))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_files_of_the_archive_in_lengths_of_their_own_are_learned_and_answered(tmp_path):
    table, labels = waves(60)
    path, new = archive(tmp_path / "a.ts", table, labels), archive(tmp_path / "b.ts", table[:9], None)
    run = fit(quick(path), folder=RunFolder.create(tmp_path / "run"), talk=Talk())
    package = load_package(run.folder.model)
    assert list(package.predict(columns_of(package, new))["label"]) == labels[:9]


@pytest.mark.parametrize("kind", ["wide", "long"])
def test_new_tables_without_the_target_are_read_as_those_of_training(tmp_path, kind):
    table, labels = waves(60)
    if kind == "wide":
        for i in range(len(table)):
            table[i, STEPS - i % 4 :] = np.nan
        shown = lambda value: "" if np.isnan(value) else value  # noqa: E731
        path = wide(tmp_path / "a.csv", table, labels, shown=shown)
        new = wide(tmp_path / "b.csv", table[:9], None, shown=shown)
    else:
        path, new = long(tmp_path / "a.csv", 60), long(tmp_path / "b.csv", 9, labels=False, shuffled=True)
    settings = run_settings(
        {"source": str(path), "threads": 1, "model": {"name": "random-kernels", "settings": {"shares": 252}}}
    )
    run = fit(settings, folder=RunFolder.create(tmp_path / "run"), talk=Talk())
    package = load_package(run.folder.model)
    answers = package.predict(columns_of(package, new))
    found = dict(zip(answers.get("id", range(9)), answers["label"], strict=True))
    assert [found[key] for key in (range(9) if kind == "wide" else [f"s{i}" for i in range(9)])] == labels[:9]
    in_memory = {
        name: list(column) for name, column in read(new, DataSettings(group="id", fields={"t": "number"})).columns.items()
    }
    assert list(package.predict(columns_of(package, in_memory))["label"]) == list(answers["label"])
