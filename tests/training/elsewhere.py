"""What tests do in processes of their own; imports of weight stand within, so that each process makes its own."""

import json
from typing import Any


def predicted(path: str, asked: str) -> str:
    """What the package at a path predicts, as JSON; asked in JSON too."""
    import torch

    from thalweg.packages.package import load_package

    torch.set_num_threads(1)
    given = json.loads(asked)
    columns = {name: _unpacked(column) for name, column in given["columns"].items()} or None
    said = load_package(path).predict(columns, seed=given["seed"], request=given["request"])
    return json.dumps({name: listed(column) for name, column in said.items()})


def _unpacked(column: Any) -> Any:
    import numpy as np

    if isinstance(column, list):
        return [_unpacked(row) for row in column]
    return np.array(column["values"], dtype=column["dtype"]).reshape(column["shape"])


def listed(column: Any) -> Any:
    """A column as lists."""
    import numpy as np

    return [listed(row) for row in column] if isinstance(column, list) else np.asarray(column).tolist()


def learned(asked: str, path: str) -> None:
    """Learn by the settings as one of several processes; the first one's weights go to a file."""
    import torch
    from safetensors.torch import save_file

    torch.set_num_threads(1)
    from thalweg.core import distributed
    from thalweg.core.device import weights_dtype
    from thalweg.data.dataset import Dataset
    from thalweg.data.encode import encode
    from thalweg.data.read import read
    from thalweg.rules._rule import Context
    from thalweg.training.loop import learn
    from thalweg.training.requested import run_settings
    from thalweg.training.stage import Own, build_stage

    settings, group = run_settings(json.loads(asked)), distributed.connect()
    raw = read(settings.source, settings.data, own=settings.source_settings or None)
    dataset = raw if isinstance(raw, Dataset) else encode(raw, settings.data, seed=settings.seed)
    dataset = dataset.to("cpu", weights_dtype(settings.precision))
    stage = build_stage(settings, 0, dataset, Own(), Context(group, torch.device("cpu"), settings.precision))
    stage.rule.begin(stage.batches, stage.progress.position)
    learn(stage.rule, stage.batches, stage.progress, [])
    if group.rank == 0:
        save_file(stage.rule.shipped.state_dict(), path)
    distributed.disconnect()
