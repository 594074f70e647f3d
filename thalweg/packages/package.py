"""Packages: weights, encodings, task and card in one verified folder; loading runs none of its content.

Forms: `part` (a registered model and its settings) and `external` (the user's own class, given again at load).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from thalweg.core import registry
from thalweg.core.device import laid_out
from thalweg.core.errors import PackageRefusal, UsageRefusal, did_you_mean
from thalweg.core.files import write_folder
from thalweg.core.manifest import Folder, open_folder
from thalweg.core.position import Position
from thalweg.core.strict_json import render_json
from thalweg.core.tensors import tensors_to_bytes
from thalweg.data.batches import StoredBatches
from thalweg.data.columns import columns_for
from thalweg.data.encode import encode_columns
from thalweg.fields.encoding import Column, Encodings
from thalweg.tasks._task import Request, Task, restore_modes, set_evaluating

FORMAT = "thalweg.package"
VERSION = 1
BATCH = 256


@dataclass
class Package:
    """A model with all that is needed to use it: its task, its encodings and the card's facts.

    Attributes:
        form: `part` or `external`.
        named: the model part and its settings, or the class of an external model (for the eye only).
        source: the catalogued domain or environment that the task plays in, where it has one.
        facts: the card: what it was trained on, how well it did.
    """

    form: str
    named: Mapping[str, Any]
    task: Task
    model: nn.Module
    source: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def encodings(self) -> Encodings:
        """What turns raw values into tensors and back."""
        return self.task.encodings

    def predict(
        self, columns: Mapping[str, Column] | None = None, *, seed: int = 0, request: Mapping[str, Any] | None = None
    ) -> dict[str, Column]:
        """Predictions as raw values by name, a row for each example given.

        Args:
            columns: raw input columns by field name; None where the request alone says what is wanted (samples, an episode).
            request: what is asked beyond the input; each task declares its own keys.

        Raises:
            DataRefusal: an input column is missing or holds what cannot be encoded.
            UsageRefusal: the task does not know a key of the request, or needs input and has none.
        """
        asked = self.task.request(request or {})
        at = Position(seed=seed)
        pieces = list(self._predicted(columns, asked, request or {}, at))
        return {name: _joined([piece[name] for piece in pieces]) for name in pieces[0]}

    def _predicted(
        self, columns: Mapping[str, Column] | None, asked: Request, given: Mapping[str, Any], at: Position
    ) -> Iterator[dict[str, Column]]:
        modes = set_evaluating(self.model)
        try:
            with torch.set_grad_enabled(self.task.needs_gradients):
                for index, batch in enumerate(self._batches(columns, given, at)):
                    yield self.task.decode(self.task.predict(self.model, batch, at.inside(index), asked))
        finally:
            restore_modes(modes)

    def _batches(self, columns: Mapping[str, Column] | None, given: Mapping[str, Any], at: Position) -> Any:  # noqa: ANN401
        dtype = next((one.dtype for one in self.model.parameters()), torch.float32)
        if columns is not None:
            store = encode_columns(self._read(columns), columns).to("cpu", dtype)
            return StoredBatches(store, torch.arange(store.length), size=BATCH)
        batch = self.task.asked(given, at)
        if batch is None:
            wanted = ", ".join(name for one in self.encodings.inputs for name in one.fields)
            raise UsageRefusal(
                "PREDICT_NO_INPUT",
                "this model needs something to predict from",
                where=f"task {self.task.declaration.name}",  # type: ignore[attr-defined]
                why="its answer depends on its input",
                fix=f"give a file or columns with {wanted[:80]}: thalweg predict RUN INPUT",
            )
        return [batch.having({name: one.to(dtype) for name, one in batch.items() if one.is_floating_point()})]


    def _read(self, columns: Mapping[str, Column]) -> Encodings:
        """The encodings of what the model reads, a target among them (a condition), and of targets; not of what it makes."""
        ports = self.task.ports
        read = {port.name for port in ports.inputs if not port.training_only}
        made = {port.name for port in ports.outputs} - read
        columns_for([one for one in self.encodings.values() if one.name in read], columns)
        return Encodings([one for one in self.encodings.values() if one.role != "input" or one.name not in made])


def _joined(pieces: Sequence[Column]) -> Column:
    if isinstance(pieces[0], np.ndarray) and len({piece.shape[1:] for piece in pieces if isinstance(piece, np.ndarray)}) == 1:
        return np.concatenate([np.asarray(piece) for piece in pieces])
    return [value for piece in pieces for value in piece]


def write_package(path: Path, package: Package, *, card: str) -> None:
    """Write a package folder, whole or not at all.

    Args:
        card: the README in Markdown.
    """
    task = package.task
    description = {
        "form": package.form,
        "model": package.named,
        "task": {"name": task.declaration.name, "settings": task.settings.model_dump(mode="json")},  # type: ignore[attr-defined]
        "encodings": task.encodings.as_json(),
        "source": package.source,
        "facts": package.facts,
    }
    weights = {name: tensor for name, tensor in package.model.state_dict().items() if isinstance(tensor, torch.Tensor)}
    files = {
        "weights.safetensors": tensors_to_bytes(weights),
        "package.json": render_json(description),
        "README.md": card.encode(),
    }
    write_folder(path, files, format=FORMAT, version=VERSION)


def load_package(path: Path | str, *, model: nn.Module | None = None, task: type[Task] | None = None) -> Package:
    """The package in a folder, verified; nothing in it is executed.

    Args:
        model: for packages of form `external`, an instance of the user's own class; its weights are replaced.
        task: likewise, where the task was the user's own.

    Raises:
        PackageRefusal: damaged, foreign or too new; names the file.
    """
    folder = open_folder(Path(path), format=FORMAT, newest=VERSION)
    described = folder.json("package.json")
    try:
        encodings = Encodings.from_json(described["encodings"])
        built = _task(described["task"], encodings, task)
        module = _module(described, built, model)
        built.bind(module)
        package = Package(
            described["form"], described["model"], built, module, described.get("source"), described.get("facts", {})
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise PackageRefusal(
            "PACKAGE_INCOMPLETE",
            f"the package does not say all that it must: {error!r}",
            where=str(Path(path) / "package.json"),
            why="the model could not be built again",
            fix="take another copy, or train it again",
        ) from None
    _fill(module, folder)
    laid_out(module)
    if package.source:
        _adopt(package)
    return package


def _known(sort: str, name: str) -> None:
    if name not in registry.names(sort):
        raise PackageRefusal(
            f"PACKAGE_UNKNOWN_{sort.upper()}",
            f'the package names the {sort} "{name}", which is not known here; {did_you_mean(name, registry.names(sort))}',
            where="package.json",
            why="only declared parts are ever built from a package",
            fix="install the version or plug-in that has it, or give your own class again",
        )


def _task(described: Mapping[str, Any], encodings: Encodings, own: type[Task] | None) -> Task:
    if own is None:
        _known("task", described["name"])
    kind = own or registry.load("task", described["name"])
    settings = kind.declaration.settings  # type: ignore[union-attr]
    task: Task = kind(encodings, settings.model_validate(described["settings"]))
    return task


def _module(described: Mapping[str, Any], task: Task, own: nn.Module | None) -> nn.Module:
    if described["form"] == "external":
        if own is None:
            raise PackageRefusal(
                "PACKAGE_EXTERNAL",
                f"this package holds the weights of your own class {described['model']['class']}",
                why="a package names no importable object, so the class must be given again",
                fix=f"tw.load(RUN, model={described['model']['class']}())",
            )
        return own
    _known("model", described["model"]["name"])
    settings = registry.settings_of("model", described["model"]["name"], described["model"]["settings"])
    module: nn.Module = registry.load("model", described["model"]["name"])(task.ports, settings)
    return module


def _fill(module: nn.Module, folder: Folder) -> None:
    weights = folder.tensors("weights.safetensors")
    expected = module.state_dict()
    problems = [f"{name}: missing" for name in expected if name not in weights]
    problems += [f"{name}: unexpected" for name in weights if name not in expected]
    problems += [
        f"{name}: shape {tuple(weights[name].shape)}, the model has {tuple(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    if problems:
        raise PackageRefusal(
            "PACKAGE_WEIGHTS",
            f"{len(problems)} tensors do not fit the model: {'; '.join(problems[:5])}",
            where=f"{folder.path}/weights.safetensors",
            why="the answers would be those of another model",
            fix="take another copy; for your own class, give the one that was trained",
            details={"problems": problems},
        )
    not_finite = [name for name, one in weights.items() if one.is_floating_point() and not torch.isfinite(one).all()]
    if not_finite:
        raise PackageRefusal(
            "PACKAGE_NOT_FINITE",
            f"weights that are not finite: {', '.join(not_finite[:5])}",
            where=f"{folder.path}/weights.safetensors",
            why="every answer would be nan",
            fix="train it again; thalweg doctor RUN says what went wrong",
        )
    types = {one.dtype for one in weights.values() if one.is_floating_point()}
    if len(types) == 1:
        module.to(types.pop())
    module.load_state_dict(weights)


def _adopt(package: Package) -> None:
    from thalweg.data.dataset import Dataset
    from thalweg.data.read import read

    assert package.source is not None
    _known("source", package.source["name"])
    dataset = read(package.source["name"], own=package.source["settings"])
    assert isinstance(dataset, Dataset)
    package.task.adopt(dataset)
