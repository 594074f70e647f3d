"""The contracts of tasks, each tried on data of the catalogue that are for it, else on examples of the kind it predicts."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from thalweg.contracts.declaration import ANY
from thalweg.contracts.excuses import stale
from thalweg.contracts.finding import Beside, Contract, Finding, broken, checked
from thalweg.contracts.function import ROUNDING
from thalweg.contracts.subject import seeded
from thalweg.core import registry
from thalweg.core.device import weights_dtype
from thalweg.core.errors import Refusal
from thalweg.core.position import Position
from thalweg.core.registry import Declaration
from thalweg.data import catalogue
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset, Environment, Examples, StoredDataset
from thalweg.data.encode import encode
from thalweg.data.read import catalogued, read
from thalweg.data.settings import DataSettings
from thalweg.tasks._task import Losses, Task, measured, set_evaluating
from thalweg.training.plan import choose_model, choose_precision
from thalweg.training.settings import RunSettings

START = Position(seed=5, total=10)
ROWS = 40
"""Copies of a kind's example rows, so that every part of a split has some."""


class Only(Batches):
    """One batch and no other."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.length = batch, 1

    def at(self, position: Position) -> Batch:
        return self.batch

    def __iter__(self) -> Iterator[Batch]:
        yield self.batch


@dataclass(frozen=True)
class TaskSubject:
    """A task made for data, with the model that would be chosen for it, its weights as they were drawn.

    Attributes:
        batch: rows of the test part, prepared.
    """

    kind: type[Task]
    file: Path
    task: Task
    dataset: Dataset
    model: nn.Module
    batch: Batch


def of_class(kind: type[Task]) -> Iterator[Finding]:
    """What the contracts find of a task.

    Raises:
        Broken: there are no data to try it on.
    """
    excused: Mapping[str, str] = _declaration(kind).facts.get("excused", {})
    yield from checked(CONTRACTS, subject(kind), excused)
    yield from stale(CONTRACTS, excused)


def subject(kind: type[Task]) -> TaskSubject:
    """A task with data and a model.

    Raises:
        Broken: there are no data, or no model, to try it on.
    """
    declaration = _declaration(kind)
    name, precision = declaration.name, choose_precision(RunSettings(), declaration.facts)
    dtype = weights_dtype(precision)
    for dataset in _datasets(declaration):
        dataset = dataset.to("cpu", dtype)
        try:
            task = kind(dataset.encodings, declaration.settings())
            task.adopt(dataset)
            choice = choose_model(RunSettings(), dataset, name, task.ports).choice
        except Refusal:
            continue
        with seeded(0):
            settings = registry.settings_of("model", choice.name, choice.settings)
            model: nn.Module = registry.load("model", choice.name)(task.ports, settings).to(dtype)
        task.bind(model)
        set_evaluating(model)
        batch = next(iter(dataset.batches("test", size=8)))
        return TaskSubject(kind, Path(inspect.getfile(kind)), task, dataset, model, task.prepare(batch, START))
    broken(f"no data that ship can be learned by {name}, or no model learns it", "add a small source that names it as its task")


def _declaration(kind: type) -> Declaration:
    declaration: Declaration = kind.declaration  # type: ignore[attr-defined]
    return declaration


def _datasets(declaration: Declaration) -> Iterator[Dataset]:
    """Data that ship: those for a task, then the example of the kind that it predicts, then any table; the smallest first."""
    sources = {name: registry.facts("source", name) for name in catalogued() if catalogue.entry(name) is None}
    smallest = sorted(sources, key=lambda one: sources[one].get("rows", 0))
    fitting = [name for name in smallest if sources[name].get("task") == declaration.name]
    for name in fitting:
        yield _encoded(read(name))
    target = declaration.facts.get("target", "")
    if target in registry.names("kind"):
        yield _encoded(_example_of(target))
    for raw in map(read, smallest):
        if isinstance(raw, Examples):
            yield _encoded(raw)


def _example_of(kind: str) -> Examples:
    column = registry.load("kind", kind).example()[0]
    rows = len(column)
    index = [row % rows for row in range(rows * ROWS)]
    targets = column[index] if isinstance(column, np.ndarray) else [column[row] for row in index]
    given = np.asarray(index, dtype=float)
    return Examples("example", {"x": given + 0.25, "y": targets}, kinds={"y": kind}, roles={"y": "target"})


def _encoded(raw: Examples | Dataset) -> Dataset:
    return encode(raw, DataSettings(), seed=0) if isinstance(raw, Examples) else raw


def ports_fit_encodings(subject: TaskSubject) -> None:
    """A port that is named like a field is that field's own."""
    ports = [*subject.task.ports.inputs, *subject.task.ports.outputs]
    if not ports:
        broken("the model would neither read nor give anything", "make_ports must name inputs or outputs")
    for port in ports:
        encodings = subject.task.encodings
        if port.name in encodings and port != encodings[port.name].port:
            broken(f"the port {port.name} is not the one of its encoding: {port}", "take encoding.port as it is")


def objective_gives_a_loss_for_each_row(subject: TaskSubject) -> None:
    """Loss and weight are (B,), finite, the weight not negative."""
    losses = _losses(subject, subject.batch)
    for name, one in (("loss", losses.loss), ("weight", losses.weight)):
        if one.shape != (subject.batch.size,):
            broken(f"{name} has shape {tuple(one.shape)} for {subject.batch.size} rows", "give one for each row")
        if not bool(torch.isfinite(one).all()):
            broken(f"{name} is not finite", "look for logarithms and divisions")
    if bool((losses.weight < 0).any()):
        broken("a weight is negative", "weights say how much a row counts: 0 or more")


def objective_draws_nothing(subject: TaskSubject) -> None:
    """Whatever the random state, the loss is the same: draws belong to `prepare`."""
    with seeded(1):
        first = _losses(subject, subject.batch)
    with seeded(2):
        second = _losses(subject, subject.batch)
    if not torch.equal(first.loss, second.loss):
        broken("the loss changes with the random state", "draw in prepare, by at.normal or at.uniform, into fields")


def preparing_is_a_function_of_position(subject: TaskSubject) -> None:
    """The same rows at the same position are prepared alike."""
    first, second = (subject.task.prepare(subject.batch, START) for _ in range(2))
    differing = [name for name in first if not torch.equal(first[name], second[name])]
    if differing:
        broken(f"{differing[0]} differs between two preparations", "draw from the position only")


def rows_are_weighed_by_themselves(subject: TaskSubject) -> None:
    """A row's loss does not depend on the others, unless the task says so; so batches may be split."""
    if not subject.task.rows_independent:
        raise Beside("it says rows_independent=False")
    whole = _losses(subject, subject.batch).loss
    parts = torch.cat([_losses(subject, part).loss for part in subject.batch.parts(3)])
    if not torch.allclose(whole, parts, rtol=ROUNDING, atol=ROUNDING):
        broken("losses change when the batch is split", "or say rows_independent = False")


def measures_are_rows(subject: TaskSubject) -> None:
    """Each metric gets one row of statistics for each example."""
    rows = subject.task.measure(subject.model, _unprepared(subject), START)
    if set(rows) != set(subject.task.metrics):
        broken(f"measured are {', '.join(rows)}; metrics are {', '.join(subject.task.metrics)}", "measure each metric")
    for name, one in rows.items():
        if one.dim() != 2 or len(one) != subject.batch.size:
            broken(f"{name} has shape {tuple(one.shape)} for {subject.batch.size} examples", "a row for each example")


def predictions_are_rows(subject: TaskSubject) -> None:
    """Predictions are decoded to one raw value for each example."""
    at, batch = START, _unprepared(subject)
    predicted = subject.task.predict(subject.model, batch, at, subject.task.request({}))
    for name, column in subject.task.decode(predicted).items():
        if len(column) != batch.size:
            broken(f"{name} has {len(column)} values for {batch.size} examples", "decode a row for each example")


def unknown_requests_are_refused(subject: TaskSubject) -> None:
    """A request that the task does not know is refused by name."""
    try:
        subject.task.request({"no_such_wish": 1})
    except Refusal as refusal:
        if "no_such_wish" in refusal.what:
            return
    broken("an unknown request is taken in silence", "derive its request from thalweg.tasks._task.Request")


def perfect_answers_are_best(subject: TaskSubject) -> None:
    """A stand-in that knows the truth reaches the best value of every metric that has one, and decodes to the truth."""
    task, batch = subject.task, _unprepared(subject)
    perfect = task.perfect(batch)
    if perfect is None:
        raise Beside("it has no perfect answer")
    values = measured(task, perfect, Only(batch), at=START)
    for name, metric in task.metrics.items():
        best = metric.declaration.facts.get("best")  # type: ignore[attr-defined]
        value = values[name]
        if best is not None and value is not None and abs(value - best) > 1e-3:
            broken(f"{name} of perfect answers is {value:.4g}, its best is {best:g}", "measure the answer against the target")
    said = task.decode(task.predict(perfect, batch, START, task.request({})))
    for port in task.ports.outputs:
        if port.name in said and port.name in task.encodings:
            _same_values(said[port.name], _true(subject, batch, port.name), port.name)


def _true(subject: TaskSubject, batch: Batch, name: str) -> Any:
    """The raw values of a field, as the source gave them where it stores them."""
    dataset = subject.dataset
    if batch.rows is None or not isinstance(dataset, StoredDataset) or name not in dataset.examples.columns:
        return subject.task.encodings[name].decode(batch[name])
    return [dataset.examples.columns[name][row] for row in batch.rows.tolist()]


def _same_values(said: Any, true: Any, name: str) -> None:
    for ours, theirs in zip(said, true, strict=True):
        numbers = not isinstance(theirs, str | list)
        same = np.allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-4) if numbers else ours == theirs
        if not same:
            broken(f"{name} of a perfect answer is {ours!r}, the truth is {theirs!r}", "decode with the target's encoding")


def trivial_answers_are_worse(subject: TaskSubject) -> None:
    """The trivial baseline has a value of the headline metric, and not the best one."""
    trivial = subject.task.trivial(subject.dataset.batches("train", size=256))
    if trivial is None:
        raise Beside("it has no trivial baseline")
    name = next(iter(subject.task.metrics))
    value = measured(subject.task, trivial, subject.dataset.batches("test", size=64), at=START)[name]
    best = subject.task.metrics[name].declaration.facts.get("best")  # type: ignore[attr-defined]
    if value is None:
        broken(f"{name} of the trivial answer is undefined", "let the headline metric have a value for any answer")
    if best is not None and abs(value - best) < 1e-6:
        broken(f"the trivial answer is perfect: {name} {value:g}", "choose a harder example, or a metric that tells them apart")


def _unprepared(subject: TaskSubject) -> Batch:
    batch: Batch = next(iter(subject.dataset.batches("test", size=8)))
    return batch


def _losses(subject: TaskSubject, batch: Batch) -> Losses:
    if isinstance(subject.dataset, Environment):
        raise Beside("what it learns from comes of acting: its rule gathers it")
    losses = subject.task.objective(subject.model, batch)
    return Losses(losses.loss.detach(), losses.weight.detach())


CONTRACTS: dict[str, Contract[TaskSubject]] = {
    **ANY,
    "its ports fit the encodings": ports_fit_encodings,
    "its objective gives a loss and a weight for each row": objective_gives_a_loss_for_each_row,
    "its objective draws nothing": objective_draws_nothing,
    "it prepares the same rows at the same position alike": preparing_is_a_function_of_position,
    "a row's loss does not depend on other rows": rows_are_weighed_by_themselves,
    "its measures are a row for each example": measures_are_rows,
    "its predictions decode to a value for each example": predictions_are_rows,
    "a perfect answer is the best and decodes to the truth": perfect_answers_are_best,
    "the trivial answer is measured, and is not the best": trivial_answers_are_worse,
    "unknown requests are refused by name": unknown_requests_are_refused,
}
"""What a task is held to."""
