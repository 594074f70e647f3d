"""Predictions: what a model says of each example of a part, beside what is true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core.loading import load_arrow
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.dataset import Dataset
from thalweg.data.parted import Parted
from thalweg.evaluation.evaluate import BATCH
from thalweg.fields.column import Column, plain
from thalweg.tasks._task import Model, Task, restore_modes, set_evaluating


@dataclass(frozen=True)
class Predictions:
    """What was predicted for each example, in the order of the part.

    Attributes:
        name: the field that is predicted.
        rows: (n,) row numbers in the dataset; None where examples have none.
        said: columns that the task decodes.
        true: (n,) what is true, as raw values; None where nothing is.
        probabilities: (n, C); None where the task gives none.
        codes: (n,) true classes as codes; None where the target is no class.
        classes: the classes' names by code.
    """

    name: str
    rows: np.ndarray | None
    said: dict[str, Column]
    true: Column | None
    probabilities: np.ndarray | None
    codes: np.ndarray | None
    classes: Sequence[Any]

    def row(self, index: int) -> int | None:
        """The row number of an example."""
        return None if self.rows is None else int(self.rows[index])

    def columns(self) -> dict[str, Column]:
        """Row, truth and what was said as columns of a table; what is no plain value in a row is left out."""
        table: dict[str, Column] = {} if self.rows is None else {"row": self.rows}
        if self.true is not None:
            table[f"{self.name}"] = self.true
        said = {("predicted" if name == self.name else name): column for name, column in self.said.items()}
        flat = {name: column for name, column in said.items() if len(column) and not np.ndim(column[0])}
        return {**table, **flat}

    def parquet(self) -> bytes:
        """The table of `columns` as a Parquet file."""
        load_arrow()
        import pyarrow
        from pyarrow import parquet

        sink = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.table({name: arrow_array(column) for name, column in self.columns().items()}), sink)
        content: bytes = sink.getvalue().to_pybytes()
        return content


def arrow_array(column: Column) -> Any:  # noqa: ANN401 - pyarrow ships no types
    """A column as pyarrow's array; numbers and texts by their bytes, since for lists pyarrow imports pandas, half a second."""
    load_arrow()
    import pyarrow

    if isinstance(column, np.ndarray) and column.dtype.kind in "iuf" and column.ndim == 1:
        content = pyarrow.py_buffer(np.ascontiguousarray(column).tobytes())
        return pyarrow.Array.from_buffers(pyarrow.from_numpy_dtype(column.dtype), len(column), [None, content])
    values = list(column)
    if not values or not set(map(type, values)) <= {str, np.str_}:
        return _array_of(values)
    texts = [value.encode() for value in values]
    ends = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    if ends[-1] >= 1 << 31:
        return _array_of(values)
    buffers = [None, pyarrow.py_buffer(ends.astype(np.int32).tobytes()), pyarrow.py_buffer(b"".join(texts))]
    return pyarrow.Array.from_buffers(pyarrow.string(), len(texts), buffers)


def _array_of(values: list[Any]) -> Any:  # noqa: ANN401 - pyarrow ships no types
    load_arrow(texts=True)
    import pyarrow

    return pyarrow.array(values)


def predictions(task: Task, model: Model, dataset: Dataset, *, part: str = "test", at: Position | None = None) -> Predictions:
    """What a model says of each example of a part."""
    name = task.ports.output.name
    predicted: dict[str, list[Tensor]] = {}
    target: list[Tensor] = []
    rows: list[Tensor] = []
    request, begun, parted = task.request({}), (at or Position()).inside(part), Parted("a prediction")

    def predict(batch: Batch, at: Position) -> dict[str, Tensor]:
        return task.predict(model, batch, at, request)

    modes = set_evaluating(model)
    try:
        with torch.set_grad_enabled(task.needs_gradients):
            for index, batch in enumerate(dataset.batches(part, size=BATCH)):
                for found in parted(partial(predict, at=begun.inside(index)), batch):
                    for key, tensor in found.items():
                        predicted.setdefault(key, []).append(tensor.detach().cpu())
                target += [batch[name].detach().cpu()] if name in batch else []
                rows += [batch.rows] if batch.rows is not None else []
    finally:
        restore_modes(modes)
    whole = {key: _joined(pieces) for key, pieces in predicted.items()}
    said = task.decode({key: tensor for key, tensor in whole.items() if tensor is not None}) if all_joined(whole) else {}
    return _paired(task, said, torch.cat(target) if target else None, torch.cat(rows) if rows else None)


def all_joined(whole: Mapping[str, Tensor | None]) -> bool:
    """Every output is one tensor."""
    return bool(whole) and all(tensor is not None for tensor in whole.values())


def _joined(pieces: Sequence[Tensor]) -> Tensor | None:
    """One tensor of all batches; None where their shapes differ."""
    return torch.cat(list(pieces)) if len({piece.shape[1:] for piece in pieces}) == 1 else None


def _paired(task: Task, said: dict[str, Column], target: Tensor | None, rows: Tensor | None) -> Predictions:
    name = task.ports.output.name
    encoding = task.encodings.get(name)
    known = target is not None and encoding is not None
    true = encoding.decode(target) if encoding is not None and target is not None else None
    discrete = known and task.ports.output.size is not None and target is not None and target.ndim == 1
    probabilities = said.get("probabilities")
    codes = target.numpy().astype(np.int64) if discrete and target is not None else None
    classes: list[Any] = []
    if discrete and encoding is not None:
        classes = [plain(one) for one in encoding.decode(torch.arange(task.ports.output.size or 0))]
    given = probabilities if isinstance(probabilities, np.ndarray) and codes is not None else None
    return Predictions(name, None if rows is None else rows.numpy(), said, true, given, codes, classes)
