"""A run opened again: its settings, and its dataset read, split and encoded as when it was trained."""

import dataclasses
from typing import Any

import torch

from thalweg.core.errors import DataRefusal, PackageRefusal, UsageRefusal
from thalweg.core.run_folder import RunFolder
from thalweg.core.strict_yaml import read_yaml
from thalweg.data.dataset import Dataset, Examples, StoredDataset
from thalweg.data.encode import encode, encode_examples
from thalweg.data.read import read
from thalweg.data.settings import DataSettings
from thalweg.packages.given import reading
from thalweg.packages.package import Package
from thalweg.training.examined import Examined
from thalweg.training.requested import run_settings
from thalweg.training.settings import RunSettings


def settings_of_run(folder: RunFolder) -> RunSettings:
    """The settings that the run was started with, the parts that it chose filled in.

    Raises:
        PackageRefusal: `settings.yaml` is missing or is not a mapping.
    """
    try:
        written = read_yaml(folder.settings)[0]
    except UsageRefusal as refusal:
        written = refusal.what
    if not isinstance(written, dict):
        raise PackageRefusal(
            "RUN_SETTINGS",
            f"the run's settings cannot be read: {written}",
            where=str(folder.settings),
            why="the data could not be split as it was",
            fix="restore the file, or give the data: thalweg evaluate RUN DATA",
        )
    return run_settings(written, where=str(folder.settings))


def dataset_of_run(settings: RunSettings, folder: RunFolder) -> Dataset:
    """The run's own dataset, in the encodings of its last stage.

    Raises:
        DataRefusal: the data was given as objects, so it must be given again; or it is gone, or changed.
    """
    if settings.source is None:
        raise DataRefusal(
            "DATA_NOT_NAMED",
            "this run was trained on objects in memory, which it does not hold",
            where=str(folder.path),
            why="there is no path to read them from again",
            fix="give the data too: tw.evaluate(run, data), tw.compare(run, other, data); seeds and folds want data in a file",
        )
    raw = read(settings.source, settings.data, own=settings.source_settings or None)
    if not isinstance(raw, Examples):
        return raw
    examined = Examined.of_run(folder)
    raw = raw if examined is None else examined.applied(raw)
    dataset: StoredDataset | None = None
    for stage in settings.stages:
        before = dataset.encodings if dataset is not None else None
        dataset = encode(raw, settings.data, seed=settings.seed, only=stage.only, before=before)
    assert dataset is not None
    return dataset


def dataset_in(package: Package, data: Any, said: DataSettings) -> Dataset:  # noqa: ANN401
    """Other data in a model's encodings; all its rows are the part `test`.

    Args:
        said: what is said of these data beyond what the model knows.

    Raises:
        DataRefusal: a column that the model reads, or its target, is missing.
    """
    raw, encodings = read(data, reading(package, said)), package.encodings
    if not isinstance(raw, Examples):
        return raw.read_by(encodings)
    raw, store = encode_examples(encodings, raw, said)
    missing = [name for one in encodings.of_role("target") for name in one.fields if name not in raw.columns]
    if missing:
        raise DataRefusal(
            "DATA_NO_TARGET",
            f"the data lacks {', '.join(missing)}, which the model predicts",
            where=raw.name,
            why="without the truth nothing can be measured",
            fix="add the column, or predict: thalweg predict RUN DATA",
        )
    rows = torch.arange(store.length)
    grouped = {"group": said.group} if said.group in raw.columns else {}
    return StoredDataset(dataclasses.replace(raw, facts={**raw.facts, **grouped}), store, {"test": rows}, "")
