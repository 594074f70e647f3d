"""Real sets for the benchmark of the data check, in the form in which the check meets them; read from THALWEG_DATA."""

import csv
import gzip
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thalweg.data.dataset import Examples

FOLDER = Path(os.environ.get("THALWEG_DATA", "."))
ADULT = ["age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race"]
ADULT += ["sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"]
TABLES = {
    "california": ("california_housing.csv.gz", "median_house_value"),
    "titanic": ("titanic.csv.gz", "Survived"),
    "telco": ("telco_churn.csv.gz", "Churn"),
    "heart": ("heart_disease_statlog.csv.gz", "Disease"),
    "concrete": ("concrete.csv.gz", "strength"),
    "bank": ("bank_marketing.csv.gz", "deposit"),
    "pima": ("pima_diabetes.csv.gz", "Class variable"),
    "insurance": ("medical_insurance.csv.gz", "charges"),
    "bike": ("bike_sharing_hourly.csv.gz", "cnt"),
    "compas": ("compas-scores-two-years.csv.gz", "two_year_recid"),
    "default": ("default_credit_card.csv.gz", "default"),
    "fraud": ("creditcard_fraud_sample.csv.gz", "Class"),
}


def table(name: str) -> Examples:
    """One of the tables by name."""
    if name in ("wine", "cancer", "iris", "diabetes"):
        return _shipped(name)
    if name == "adult":
        return _adult()
    if name.startswith("ETT"):
        names, *rows = csv.reader(io.StringIO(_text(f"etth/{name}.csv.gz")))
        return _examples(name, names, rows, "OT")
    if name == "german":
        rows = [line.split() for line in _text("tabular/german_credit.data.gz").splitlines() if line.strip()]
        return _examples(name, [f"a{i}" for i in range(20)] + ["credit"], rows, "credit")
    file, target = TABLES[name]
    names, *rows = csv.reader(io.StringIO(_text(f"tabular/{file}")))
    target = target if target in names else names[-1]
    return _examples(name, [one or "row" for one in names], rows, target)


def _adult() -> Examples:
    rows = []
    counts = []
    for part in ("data", "test"):
        lines = csv.reader(io.StringIO(_text(f"tabular/adult.{part}.gz")), skipinitialspace=True)
        found = [[cell.removesuffix(".") if i == 14 else cell for i, cell in enumerate(row)] for row in lines if len(row) == 15]
        rows += found
        counts.append(len(found))
    made = _examples("adult", ADULT, rows, "income")
    made.given = {"train": torch.arange(counts[0]), "test": torch.arange(counts[0], len(rows))}
    return made


def _shipped(name: str) -> Examples:
    from sklearn import datasets

    load = {"wine": "wine", "cancer": "breast_cancer", "iris": "iris", "diabetes": "diabetes"}[name]
    data = getattr(datasets, f"load_{load}")()
    columns = {str(one): data.data[:, i] for i, one in enumerate(data.feature_names)}
    names = getattr(data, "target_names", None)
    target = data.target if names is None or name == "diabetes" else np.asarray(names)[data.target]
    return Examples(name, {**columns, "target": target}, roles={"target": "target"})


def _text(file: str) -> str:
    return gzip.decompress((FOLDER / file).read_bytes()).decode("utf-8-sig", errors="replace")


def _examples(name: str, names: list[str], rows: list[list[str]], target: str) -> Examples:
    columns = {one: column([row[i] for row in rows]) for i, one in enumerate(names)}
    values = columns[target]
    if isinstance(values, np.ndarray) and len(np.unique(values)) <= 10:
        columns[target] = [f"{value:g}" for value in values]
    return Examples(name, columns, roles={target: "target"})


def column(cells: list[str]) -> np.ndarray | list[str | None]:
    """Numbers where all that is there reads as a number, else words; None for what is empty."""
    try:
        return np.asarray([float(cell) if cell.strip() else np.nan for cell in cells])
    except ValueError:
        return [cell if cell.strip() else None for cell in cells]


def texts(name: str) -> Examples:
    """One of the text sets by name."""
    read: dict[str, Callable[[], tuple[list[str], list[str]]]] = {"sms": _sms, "sst": _sst, "mr": _mr, "trec": _trec, "ag": _ag}
    labels, found = read[name]()
    return Examples(
        name, {"text": found, "label": labels}, kinds={"text": "text", "label": "category"}, roles={"label": "target"}
    )


def _split(lines: list[str], sign: str) -> tuple[list[str], list[str]]:
    pairs = [line.split(sign, 1) for line in lines if sign in line]
    return [one for one, _ in pairs], [two for _, two in pairs]


def _sms() -> tuple[list[str], list[str]]:
    return _split(_text("sms_spam/sms_spam.tsv.gz").split("\n"), "\t")


def _sst() -> tuple[list[str], list[str]]:
    return _split(_text("sst/stsa.binary.train.gz").split("\n"), " ")


def _mr() -> tuple[list[str], list[str]]:
    labels, found = [], []
    for word in ("neg", "pos"):
        lines = gzip.decompress((FOLDER / f"mr_polarity/rt-polarity.{word}.gz").read_bytes()).decode("latin-1").split("\n")
        lines = [line for line in lines if line.strip()]
        labels, found = labels + [word] * len(lines), found + lines
    return labels, found


def _trec() -> tuple[list[str], list[str]]:
    labels, found = _split(_text("trec/TREC.train.gz").split("\n"), " ")
    return [label.split(":")[0] for label in labels], found


def _ag() -> tuple[list[str], list[str]]:
    pairs = [line.rsplit("\t", 1) for line in _text("ag_news_subset/test.tsv.gz").split("\n") if "\t" in line]
    return [label for _, label in pairs], [found for found, _ in pairs]


def series(name: str) -> Examples:
    """One of the UCR sets by name, its split joined."""
    arrays = np.load(FOLDER / f"ucr_uea_small/{name}.npz", allow_pickle=False)
    parts = [arrays[key] for key in ("X_train", "X_test")]
    if parts[0].ndim == 3:
        length = max(one.shape[2] for one in parts)
        parts = [np.pad(one, ((0, 0), (0, 0), (0, length - one.shape[2]))) for one in parts]
        parts = [np.nan_to_num(one.transpose(0, 2, 1)) for one in parts]
    labels = np.concatenate([arrays["y_train"], arrays["y_test"]]).astype(str)
    values = np.concatenate(parts).astype(np.float64)
    columns = {"series": values, "class": labels.tolist()}
    return Examples(name, columns, kinds={"series": "series", "class": "category"}, roles={"class": "target"})


def photos(name: str) -> Examples:
    """One of the photo sets by name: paths, or arrays."""
    if name == "digits":
        from sklearn.datasets import load_digits

        data = load_digits()
        return _pictures(name, (data.images * 15.9).astype(np.uint8), data.target)
    if name in ("fashion", "mnist"):
        file = "fashion_mnist/t10k" if name == "fashion" else "mnist/t10k"
        raw = gzip.decompress((FOLDER / f"{file}-images-idx3-ubyte.gz").read_bytes())
        labels = np.frombuffer(gzip.decompress((FOLDER / f"{file}-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
        return _pictures(name, np.frombuffer(raw[16:], np.uint8).reshape(-1, 28, 28)[:2000], labels[:2000])
    if name == "pneumonia":
        arrays = np.load(FOLDER / "pneumoniamnist_variant/pneumoniamnist_variant.npz", allow_pickle=False)
        key = next(one for one in arrays if "train" in one and "image" in one)
        label = next(one for one in arrays if "train" in one and "label" in one)
        return _pictures(name, arrays[key].reshape(-1, 28, 28)[:2000], arrays[label].ravel()[:2000])
    return _unpacked(name)


ARCHIVES = {
    "hymenoptera": "hymenoptera/hymenoptera.zip",
    "bccd": "bccd/bccd_voc.zip",
    "coco": "coco128/coco128.zip",
    "cifar": "cifar10_subset/cifar10_subset.zip",
    "orl": "orl_faces/orl_faces.zip",
    "flickr": "flickr8k_1000/images.zip",
}


def _unpacked(name: str) -> Examples:
    top = Path(tempfile.mkdtemp(prefix=f"thalweg-{name}-"))
    with zipfile.ZipFile(FOLDER / ARCHIVES[name]) as archive:
        archive.extractall(top)
    if name == "cifar":
        top = next(top.rglob("train"), top)
    paths = sorted(path for path in top.rglob("*") if path.suffix.casefold() in (".jpg", ".jpeg", ".png", ".pgm"))
    if name == "cifar":
        return _pictures(name, paths, [path.parent.name for path in paths])
    if any(path.suffix == ".pgm" for path in paths):
        from PIL import Image

        return _pictures(name, np.stack([np.asarray(Image.open(path)) for path in paths]), np.zeros(len(paths), int))
    return Examples(name, {"image": paths}, kinds={"image": "image"})


def _pictures(name: str, images: np.ndarray | list[Path], labels: Sequence[Any] | np.ndarray) -> Examples:
    columns = {"image": images, "class": [f"c{label}" for label in labels]}
    return Examples(name, columns, kinds={"image": "image", "class": "category"}, roles={"class": "target"})


DEVELOPED = {
    table: ["adult", "titanic", "california", "telco", "heart", "wine", "concrete", "cancer", "ETTh1"],
    photos: ["hymenoptera", "fashion", "bccd"],
    texts: ["sst", "sms"],
    series: ["ECG5000", "ECG200", "CBF", "ArrowHead", "Coffee"],
}
HELD_OUT = {
    table: ["bank", "german", "pima", "insurance", "bike", "compas", "default", "diabetes", "iris", "fraud", "ETTh2"],
    photos: ["cifar", "pneumonia", "mnist", "flickr", "orl", "coco"],
    texts: ["mr", "trec", "ag"],
    series: ["ECGFiveDays", "ElectricDevices", "FaceFour", "GunPoint", "JapaneseVowels", "BasicMotions"],
}
