"""Small trained packages, and ways to write what one says anew with digests that hold."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.training.resuming import fitted
from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.core.strict_json import parse_json, render_json
from thalweg.core.talk import Talk
from thalweg.core.tensors import tensors_to_bytes
from thalweg.packages.package import FORMAT, VERSION
from thalweg.training.fit import Fitted

COLOURS = ("red", "green", "blue")


class Heard(Talk):
    """Keeps the sentences that need care."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        self.warned.append(text)


def table(rows: int = 120) -> dict[str, Any]:
    """Two numbers and a colour, and a class that follows from them."""
    drawn = np.random.default_rng(0).normal(size=(rows, 2))
    colour = [COLOURS[i % 3] for i in range(rows)]
    kind = np.where(drawn[:, 0] + np.asarray([i % 3 for i in range(rows)]) > 1, "yes", "no").tolist()
    return {"width": drawn[:, 0], "height": drawn[:, 1], "colour": colour, "kind": kind}


def inputs(rows: int = 7) -> dict[str, Any]:
    """Columns to predict for."""
    return {name: column[:rows] for name, column in table().items() if name != "kind"}


def trained(path: Path, data: Mapping[str, Any] | None = None, **settings: Any) -> Fitted:
    """A perceptron after four steps."""
    rule = {"steps": 4, "batch_size": 16}
    asked = {"data": {"target": "kind"}, "model": {"name": "mlp", "hidden": [8]}, "rule": rule, **settings}
    return fitted(asked, path, given=table() if data is None else data)


def rewritten(
    source: Path,
    path: Path,
    *,
    say: Callable[[dict[str, Any]], Any] = lambda said: said,
    weigh: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] | None = None,
    version: int = VERSION,
    further: Mapping[str, bytes] | None = None,
) -> Path:
    """A copy of a package that says or weighs something else, with a manifest that agrees with it."""
    folder = open_folder(source, format=FORMAT, newest=VERSION)
    files = {name: folder.bytes(name) for name in folder.manifest.files}
    said = parse_json(files["package.json"], where="package.json")
    files["package.json"] = render_json(say(said))
    if weigh is not None:
        files["weights.safetensors"] = tensors_to_bytes(weigh(folder.tensors("weights.safetensors")))
    write_folder(path, {**files, **(further or {})}, format=FORMAT, version=version)
    return path
