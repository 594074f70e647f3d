"""The plain columns that classical models read, made of a task's inputs by the part that knows each kind."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.data.batch import Batch
from thalweg.evaluation.sparse import side_by_side
from thalweg.fields.ports import Port
from thalweg.tasks._task import Task

Maker = Callable[[np.ndarray, Port], Any]
"""From a port's tensor to columns of numbers (B, d): an array, or a sparse array of scipy."""


class Columns:
    """Makes one row of numbers of each example, from the inputs as the task's ports name them.

    Attributes:
        dense: columns that are not sparse, known from the first rows on; they stand first.
    """

    dense = 0

    def __init__(self, task: Task) -> None:
        kinds = {one.port.name: one.kind for one in task.encodings.inputs}
        self.names = task.ports.names
        self.makers: list[tuple[Port, Maker]] = [
            (port, registry.load("features", kinds[port.name])) for port in task.ports.inputs if not port.training_only
        ]

    def __call__(self, inputs: Mapping[str, Tensor]) -> Any:  # noqa: ANN401 - an array, or a sparse one
        """(B, d) float32, sparse where one of the inputs is."""
        pieces = [make(_values(inputs, port), port) for port, make in self.makers]
        self.dense = sum(piece.shape[1] for piece in pieces if isinstance(piece, np.ndarray))
        return side_by_side(pieces)

    def given(self, arguments: tuple[Tensor, ...], named: Mapping[str, Tensor]) -> Any:  # noqa: ANN401
        """The same of the arguments of a model's call."""
        return self({**dict(zip(self.names, arguments, strict=False)), **named})


class AsTheyAre(Columns):
    """The only input itself (B, ...), for baselines that are made for one kind (`inputs`); its padding is NaN."""

    def __init__(self, task: Task) -> None:
        self.names, self.port = task.ports.names, task.ports.inputs[0]

    def __call__(self, inputs: Mapping[str, Tensor]) -> np.ndarray:
        """(B, ...) float32, at least as long as the longest training row."""
        return _values(inputs, self.port)


def reader(task: Task, inputs: Sequence[str], weights: str = "") -> Columns:
    """What a baseline reads: plain columns of any kinds, or the only input where it names kinds of its own.

    Args:
        inputs: the kinds that it names.
        weights: published weights through whose net it sees that input; empty: it gets it as it is.
    """
    if weights:
        from thalweg.evaluation.frozen import Frozen

        return Frozen(task, weights)
    return AsTheyAre(task) if inputs else Columns(task)


def unreadable(task: Task) -> str:
    """Why classical models cannot read this task's inputs; empty where they can."""
    known, kinds = set(registry.names("features")), {one.port.name: one.kind for one in task.encodings.inputs}
    if not task.ports.inputs:
        return "the task has no input"
    lacking = sorted({kinds.get(port.name, port.kind) for port in task.ports.inputs} - known)
    return f"no classical model here reads {', '.join(lacking)}" if lacking else ""


def inputs_of(task: Task, batch: Batch) -> dict[str, Tensor]:
    """The tensors of a batch that a model reads."""
    return {name: batch[name] for name in task.ports.names if name in batch}


def _values(inputs: Mapping[str, Tensor], port: Port) -> np.ndarray:
    """A port's values; of floats whose length varies, padding is NaN and as wide as the longest training row needs."""
    values, mask = _array(inputs[port.name]), inputs.get(f"{port.name}_mask")
    if mask is None or values.dtype.kind != "f" or None not in port.shape:
        return values
    axis = port.shape.index(None) + 1
    there = mask.cpu().numpy().reshape([size if place in (0, axis) else 1 for place, size in enumerate(values.shape)])
    lacking = max(0, (port.longest or 0) - values.shape[axis])
    padding = [(0, lacking if place == axis else 0) for place in range(values.ndim)]
    return np.pad(np.where(there, values, np.nan).astype(np.float32), padding, constant_values=np.nan)


def _array(tensor: Tensor) -> np.ndarray:
    host = tensor.detach().cpu()
    return (host.float() if host.is_floating_point() else host).numpy()


def as_tensor(values: np.ndarray, like: Tensor) -> Tensor:
    """An array as float32, where another tensor lies."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(like.device)
