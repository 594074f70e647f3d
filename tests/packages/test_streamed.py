"""Large tables are predicted part by part: the same file of answers as when read at once, in memory that does not grow."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.fresh_process import Fresh
from tests.packages.trained import Heard
from thalweg.core.errors import DataRefusal
from thalweg.packages import written
from thalweg.packages.given import columns_of
from thalweg.packages.package import Package
from thalweg.packages.streamed import predicted_to_csv
from thalweg.verbs.run import load, package_of
from thalweg.verbs.train import train

LEAST = 1 << 16
"""Bytes above which files are streamed here: less than those of a test, which have several parts."""


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = np.array(["amber", "bronze, dark", 'say "coral"', "line\nbreak"])[rng.integers(0, 4, rows)]
    numbers = rng.normal(size=(rows, 3)).round(4)
    frame = pd.DataFrame({"one": numbers[:, 0], "two": numbers[:, 1], "three": numbers[:, 2], "word": words})
    return frame.assign(kind=np.where(frame["one"] + (frame["word"] == "amber") > 0.5, "yes", "no"))


def trained(folder: Path) -> None:
    train(
        table(200).to_dict("list"),
        target="kind",
        model={"name": "mlp", "hidden": (8,)},
        epochs=1,
        check=False,
        compare=False,
        out=folder,
    )


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("run") / "run"
    trained(folder)
    return package_of(load(folder))


@pytest.fixture(scope="module")
def asked() -> pd.DataFrame:
    frame = table(150_000).drop(columns="kind")
    frame.loc[[7, 140_000], "two"] = np.nan
    frame["note"] = "x" * 50
    return frame


def at_once(package: Package, path: Path, out: Path) -> str:
    columns = package.predict(columns_of(package, path), talk=Heard())
    written.write_columns(out, columns, package.task.names_of_values())
    return out.read_text()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_in_parts_gives_the_answers_of_the_whole(
    package: Package, asked: pd.DataFrame, tmp_path: Path, suffix: str
) -> None:
    path, heard = tmp_path / f"asked{suffix}", Heard()
    if suffix == ".parquet":
        asked.to_parquet(path)
    elif suffix == ".jsonl":
        asked.to_json(path, orient="records", lines=True)
    else:
        asked.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    rows = predicted_to_csv(package, path, tmp_path / "parts.csv", talk=heard, least=LEAST)
    assert rows == len(asked)
    assert (tmp_path / "parts.csv").read_text() == at_once(package, path, tmp_path / "whole.csv")
    assert any("gaps" in text for text in heard.warned)
    assert sum("left aside" in text and "likewise from row" in text for text in heard.warned) == 1


def spoilt(asked: pd.DataFrame, path: Path, how: str) -> None:
    lines = asked[:3_000].assign(word="amber").to_csv(index=False).splitlines()
    lines[2_500] = {
        "a row of another length": "1,2",
        "an open quote": '1,2,3,"amber,x',
        "another encoding": "1,2,3,\xe4mber,x",
        "infinity": "1e999,2,3,amber,x",
    }[how]
    path.write_bytes(("\n".join(lines) + "\n").encode("latin-1" if how == "another encoding" else "utf-8"))


@pytest.mark.parametrize("how", ["a row of another length", "an open quote", "another encoding", "infinity"])
def test_what_is_wrong_is_left_to_the_whole_and_nothing_is_written(
    package: Package, asked: pd.DataFrame, tmp_path: Path, how: str
) -> None:
    path, out = tmp_path / "asked.csv", tmp_path / "answers.csv"
    spoilt(asked, path, how)
    out.write_text("old")
    assert predicted_to_csv(package, path, out, talk=Heard(), least=LEAST) is None
    assert out.read_text() == "old"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["answers.csv", "asked.csv"]


def test_the_row_is_named_as_it_stands_in_the_whole_file(package: Package, asked: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "asked.csv"
    spoilt(asked, path, "a row of another length")
    assert predicted_to_csv(package, path, tmp_path / "answers.csv", talk=Heard(), least=LEAST) is None
    with pytest.raises(DataRefusal, match="line 2,501"):
        columns_of(package, path)


def test_keys_that_records_lack_in_a_part_are_gaps(package: Package, tmp_path: Path) -> None:
    path = tmp_path / "asked.jsonl"
    full, short = {"one": 1.0, "two": 2.0, "three": 3.0, "word": "amber"}, {"one": 1.0, "three": 3.0, "word": "amber"}
    path.write_text("".join(json.dumps(full if row < 10 else short) + "\n" for row in range(180_000)))
    assert predicted_to_csv(package, path, tmp_path / "parts.csv", talk=Heard(), least=LEAST) == 180_000
    assert (tmp_path / "parts.csv").read_text() == at_once(package, path, tmp_path / "whole.csv")


def peak_of(folder: str, rows: int) -> int:
    """Bytes of memory that a prediction for so many rows takes at most, in a process of its own."""
    import resource

    from thalweg.core.talk import Talk

    path = Path(folder) / f"{rows}.csv"
    found = predicted_to_csv(package_of(load(Path(folder) / "run")), path, Path(folder) / "answers.csv", talk=Talk())
    assert found == rows
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.slow
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    trained(tmp_path / "run")
    frame = table(50_000).drop(columns="kind").assign(note="x" * 200)
    text = frame.to_csv(index=False)
    (tmp_path / "50000.csv").write_text(text)
    body = text[text.index("\n") + 1 :]
    (tmp_path / "500000.csv").write_text(text + 9 * body)
    small, large = (Fresh(peak_of, str(tmp_path), rows).answer(seconds=110) for rows in (50_000, 500_000))
    assert large - small < (tmp_path / "500000.csv").stat().st_size / 2
