"""Prediction: rows a second beside scikit-learn's `predict` with a net of the same size, on the same data and threads.

Both answer in one process, on as many threads, in turn, `--times` times after a round that is left out; medians, and the
median of the ratios of each round with the middle half of them. thalweg answers with classes and all probabilities,
scikit-learn with classes alone. Predicted are pictures (784-128-64-10) from an array of bytes, of which scikit-learn wants
floats, made here or before; a table of numbers and words (Adult's columns) as a frame, where scikit-learn answers by the
pipeline that its guide shows; and a matrix of floats, which thalweg takes for 64 columns of a table and standardises. Alone: a
folder of PNG files. At last the commands, from a CSV file to a CSV file, beside a script of pandas and scikit-learn.

    python benchmarks/prediction.py
    python benchmarks/prediction.py --only table --times 9
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from PIL import Image
from sklearn.compose import ColumnTransformer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from start_up import conditions
from threadpoolctl import threadpool_limits

import thalweg as tw

HIDDEN = (128, 64)
LEARNED = 2_000
"""Rows that both learn from, once: how well they answer is of no concern here."""
REST = 0.12
"""Seconds before each answer: threads of numpy's products look out for more work for a while, and hold a core meanwhile."""
WORDS = (9, 16, 7, 15, 6, 5, 2, 42)
"""Values of each column of words of Adult, which has six columns of numbers beside."""
SCRIPT = """
import sys, joblib, pandas as pd
table = pd.read_csv(sys.argv[2])
model = joblib.load(sys.argv[1])
answers = pd.DataFrame(model.predict_proba(table), columns=[f"probability_{one}" for one in model.classes_])
answers.insert(0, "class", model.predict(table))
answers.to_csv(sys.argv[3], index=False)
"""


@dataclass(frozen=True)
class Race:
    """Two ways to answer the same; `theirs` is None where nobody is compared."""

    rows: int
    ours: Callable[[], Any]
    theirs: Callable[[], Any] | None = None


def trained(data: Mapping[str, Any] | str, folder: Path) -> Any:
    """A run of the perceptron, opened as a user opens it."""
    few = data if isinstance(data, str) else {name: column[:LEARNED] for name, column in data.items()}
    tw.train(few, target="class", model={"name": "mlp", "hidden": HIDDEN}, epochs=1, check=False, compare=False, out=folder)
    return tw.load(folder)


def classifier() -> MLPClassifier:
    return MLPClassifier(HIDDEN, max_iter=1)


def pictures(rows: int, folder: Path) -> dict[str, Race]:
    """Pictures of 28 x 28 pixels with a bright square whose place tells the class; as an array, and as files."""
    rng = np.random.default_rng(0)
    images, classes = rng.integers(0, 60, (rows, 28, 28), dtype=np.uint8), rng.integers(0, 10, rows)
    for index, place in enumerate(classes.tolist()):
        images[index, 2 * place : 2 * place + 8, 10:18] += 150
    run = trained({"image": images, "class": classes}, folder / "pictures")
    floats = np.ascontiguousarray(images.reshape(rows, -1), dtype=np.float32) / 255
    net = classifier().fit(floats[:LEARNED], classes[:LEARNED])
    files = folder / "files"
    files.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(files / f"{index:05}.png")
    return {
        "pictures, an array of bytes": Race(
            rows, lambda: run.predict(images), lambda: net.predict(images.reshape(rows, -1).astype(np.float32) / 255)
        ),
        "the same, beside floats made before": Race(rows, lambda: run.predict(images), lambda: net.predict(floats)),
        "pictures, a folder of PNG files": Race(rows, lambda: run.predict(files)),
    }


def frame(rows: int) -> pd.DataFrame:
    """Six columns of numbers and eight of words, a target of two classes."""
    rng = np.random.default_rng(0)
    numbers = {f"number {i}": rng.integers(0, 10 ** (i + 1), rows) for i in range(6)}
    known = [np.array([f"value-{value:02}" for value in range(count)]) for count in WORDS]
    words = {f"word {i}": known[i][rng.integers(0, count, rows)] for i, count in enumerate(WORDS)}
    table = pd.DataFrame({**numbers, **words})
    return table.assign(**{"class": np.where(rng.random(rows) < 0.3 + 0.4 * (table["number 0"] > 4), "above", "below")})


def tables(rows: int, folder: Path) -> dict[str, Race]:
    """The table as a frame, and by the commands from file to file."""
    table = frame(rows)
    asked = table.drop(columns="class")
    table[:LEARNED].to_csv(folder / "learned.csv", index=False)
    run = trained(str(folder / "learned.csv"), folder / "table")
    numbers = [name for name in asked if name.startswith("number")]
    words = [name for name in asked if name.startswith("word")]
    encoder = ColumnTransformer(
        [("numbers", StandardScaler(), numbers), ("words", OneHotEncoder(handle_unknown="ignore"), words)]
    )
    net = make_pipeline(encoder, classifier()).fit(asked[:LEARNED], table["class"][:LEARNED])
    joblib.dump(net, folder / "net.joblib")
    asked.to_csv(folder / "asked.csv", index=False)
    command = [sys.executable, "-m", "thalweg", "predict", str(folder / "table"), str(folder / "asked.csv"), "--force", "--out"]
    script = [sys.executable, "-c", SCRIPT, str(folder / "net.joblib"), str(folder / "asked.csv")]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return {
        "a table, a frame": Race(rows, lambda: run.predict(asked), lambda: net.predict(asked)),
        "a table, the commands from CSV to CSV": Race(
            rows,
            lambda: subprocess.run([*command, str(folder / "ours.csv")], **quiet),
            lambda: subprocess.run([*script, str(folder / "theirs.csv")], **quiet),
        ),
    }


def matrices(rows: int, folder: Path) -> dict[str, Race]:
    """A matrix of floats, 64 in a row."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(rows, 64)).astype(np.float32)
    classes = (values @ rng.normal(size=(64, 10))).argmax(1)
    run = trained({"x": values, "class": classes}, folder / "matrix")
    net = classifier().fit(values[:LEARNED], classes[:LEARNED])
    return {"a matrix of 64 floats a row": Race(rows, lambda: run.predict(values), lambda: net.predict(values))}


SETS = {"pictures": (pictures, 10_000), "table": (tables, 100_000), "matrix": (matrices, 100_000)}


def seconds(answer: Callable[[], Any]) -> float:
    time.sleep(REST)
    begun = time.perf_counter()
    answer()
    return time.perf_counter() - begun


def measured(race: Race, times: int) -> dict[str, Any]:
    """Seconds of both, round by round."""
    rounds = [(seconds(race.ours), seconds(race.theirs) if race.theirs else None) for _ in range(times + 1)][1:]
    ours, theirs = (list(one) for one in zip(*rounds, strict=True))
    return {"rows": race.rows, "ours": ours, "theirs": theirs if race.theirs else []}


def line(name: str, found: Mapping[str, Any]) -> str:
    """One row of the table: rates in rows a second, the median of the ratios and the middle half of them."""
    rows, ours, theirs = found["rows"], found["ours"], found["theirs"]
    rate = f"| {name} | {rows:,} | {rows / statistics.median(ours):,.0f} |"
    if not theirs:
        return f"{rate} | |"
    ratios = sorted(other / mine for mine, other in zip(ours, theirs, strict=True))
    low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
    return f"{rate} {rows / statistics.median(theirs):,.0f} | {middle:.2f} ({low:.2f} to {high:.2f}) |"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(SETS), help="may be repeated")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows, for a quick look")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/prediction.json"))
    given = parser.parse_args(words)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])
    torch.set_num_threads(given.threads)
    threadpool_limits(given.threads)  # numpy counted the cores before some were taken away
    stated = conditions(cores=given.threads)
    print(", ".join(f"{name} {value}" for name, value in stated.items()))
    print("| | rows | thalweg, rows/s | scikit-learn, rows/s | ratio |\n|---|---|---|---|---|")
    results = {}
    for make, rows in (SETS[name] for name in given.only or SETS):
        with tempfile.TemporaryDirectory() as folder:
            for name, race in make(max(LEARNED, int(rows * given.share)), Path(folder)).items():
                results[name] = measured(race, given.times)
                print(line(name, results[name]), flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({**stated, "seconds": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
