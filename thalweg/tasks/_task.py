"""The task contract: everything that a rule, an evaluation and a package ask of what is to be learned."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, UsageRefusal
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.settings import Choice, Settings, read_settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset
from thalweg.data.parted import Parted
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.metrics._streaming import Streaming

Model = Callable[..., Any]
"""A model as the objective receives it: a module, compiled, functional, vmapped."""


Loss = Callable[..., Tensor]
"""A loss of outputs and targets (and of a mask, where the task has one), per example (B,); a user's own may give one mean."""


@dataclass(frozen=True)
class Losses:
    """What an objective gives for a batch.

    Attributes:
        loss: (B,) per example.
        weight: (B,) how much each counts; the descent divides by its sum.
        measures: further per-batch figures to report, detached scalars.
    """

    loss: Tensor
    weight: Tensor
    measures: Mapping[str, Tensor] = field(default_factory=dict)

    @staticmethod
    def equal(loss: Tensor) -> "Losses":
        """Losses (B,) that all count the same."""
        return Losses(loss, torch.ones_like(loss))


class Request(Settings):
    """What may be asked of a prediction beyond its input (samples, beams, ...); each task declares its own."""


class Task(ABC):
    """What is to be learned.

    Built from the encodings of a dataset, so that a package can rebuild it without the data.

    Attributes:
        metrics: streaming measures by name; the first is the headline.
        loss: the user's own loss, or the one that the settings name.
        ports: what the model is built with.
    """

    asks: ClassVar[type[Request]] = Request
    """What may be asked of a prediction beyond its input."""
    needs_gradients: ClassVar[bool] = False
    """Prediction differentiates (meta-learning, physics), so it runs with gradients allowed."""
    by_rows: ClassVar[bool] = False
    """Declared beside `predict`: it asks the model alone, so that what it says of a row depends on neither place nor batch."""
    rows_independent: ClassVar[bool] = True
    """An example's loss does not depend on the others in its batch, so batches may be split."""
    counted: ClassVar[str] = "examples"
    """What a row of the test part is called where results are told."""

    def __init__(self, encodings: Encodings, settings: Settings, *, loss: Loss | None = None) -> None:
        self.encodings, self.settings = encodings, settings
        self.ports = self.make_ports(encodings)
        self.metrics = self.make_metrics()
        self.loss: Loss | None = loss or self.make_loss()

    @abstractmethod
    def make_ports(self, encodings: Encodings) -> Ports:
        """What the model is built with; some inputs are given in training only."""

    @abstractmethod
    def make_metrics(self) -> dict[str, Metric]:
        """The measures by name, the headline first."""

    def make_loss(self) -> Loss | None:
        """The loss that the settings name, for tasks whose objective is one loss of outputs and targets."""
        return None

    def weighted(self, loss: Tensor, batch: Batch) -> Losses:
        """Losses (B,) that count by the field whose role is weight, where the data have one; else all the same."""
        weights = [batch[one.name] for one in self.encodings.of_role("weight") if one.name in batch]
        return Losses(loss, weights[0].reshape(loss.shape).to(loss.dtype)) if weights else Losses.equal(loss)

    @property
    def reads(self) -> frozenset[str]:
        """Names of the encodings that a prediction is made from: the model's inputs, unless the task makes those of others."""
        return frozenset(port.name for port in self.ports.inputs if not port.training_only)

    @property
    def notes(self) -> list[str]:
        """Sentences on what the task chose because of the data, for the first lines of a run."""
        return []

    def adopt(self, dataset: Dataset) -> None:
        """Take what only the dataset knows (an environment to play in, an equation); called before training and evaluation."""

    def bind(self, model: nn.Module) -> None:
        """Learn how this model takes its inputs: by the ports' names or by position."""
        self.ports = self.ports.bound(model)

    def prepare(self, batch: Batch, at: Position) -> Batch:
        """What is drawn or scheduled (noise, time, a rate) becomes fields of the batch."""
        return batch

    @abstractmethod
    def objective(self, model: Model, batch: Batch) -> Losses:
        """Loss and weight of each example: tensors only, nothing drawn, so that it compiles."""

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """What the model says of each example (B, ...) by name; generation, sampling, search or play where the task has it."""
        arguments, named = self.ports.given(batch)
        return {self.ports.output.name: model(*arguments, **named)}

    @abstractmethod
    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        """Rows (B, k) of each metric's sufficient statistic, by the metric's name."""

    def trivial(self, batches: Batches) -> Model | None:
        """A stand-in for a model that always gives the trivial answer (majority, mean), learned from training batches."""
        return None

    def perfect(self, batch: Batch) -> Model | None:
        """A stand-in for a model that answers a batch as its targets say; None where there is no such answer."""
        return None

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """Columns of raw values, for people and files, of what `predict` gave."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in predicted.items()}

    def names_of_values(self) -> Mapping[str, list[str]]:
        """What the values in a row of an answer are called, by column: tables have a column for each of them."""
        return {}

    def asked(self, request: Mapping[str, Any], at: Position) -> Batch | None:
        """A batch made of a request alone, where the task can answer without input (samples, an episode); else None."""
        return None

    def request(self, given: Mapping[str, Any]) -> Request:
        """The validated request.

        Raises:
            UsageRefusal: the task does not know one of the keys.
        """
        return read_settings(self.asks, given, where=f"predict, task {self.declaration.name}")  # type: ignore[attr-defined]

    def exports(self, model: nn.Module) -> dict[str, Callable[..., Any]]:
        """What of the model is exported, by name."""
        return {"forward": model}


def measured(
    task: Task, model: nn.Module | Model, batches: Batches, *, at: Position, processes: Processes | None = None
) -> dict[str, float | None]:
    """The task's metrics over all rows of the batches, streamed; the model in evaluation mode meanwhile.

    Returns:
        Metric name to value; None where it is undefined.
    """
    streams = {name: Streaming(metric) for name, metric in task.metrics.items()}
    for rows in measured_rows(task, model, batches, at=at):
        for name, stream in streams.items():
            stream.add(rows[name])
    return {name: _together(stream, processes or Processes()).value() for name, stream in streams.items()}


def _together(stream: Streaming, processes: Processes) -> Streaming:
    """The stream of all processes; its own on one."""
    if processes.world == 1:
        return stream
    merged, state = Streaming(stream.metric), stream.state_dict()
    widths = [one.shape[-1] for one in state.values()][:1]  # none where this process has no rows
    width = int(processes.gather(torch.tensor(widths, dtype=torch.int64)).max())
    if stream.metric.additive:
        none = torch.zeros(width, dtype=torch.float64)
        sums = processes.sum([state.get(name, none) for name in ("total", "lost")])
        merged.load_state_dict(dict(zip(("total", "lost"), sums, strict=True)))
    else:
        merged.add(processes.gather(state.get("rows", torch.zeros(0, width, dtype=torch.float64))))
    return merged


def measured_rows(task: Task, model: nn.Module | Model, batches: Batches, *, at: Position) -> "Rows":
    """Each batch's rows of sufficient statistics, in order; see `measured`."""
    return Rows(task, model, batches, at)


class Rows:
    """An iterable over batches' metric rows that leaves the model's mode as it found it."""

    def __init__(self, task: Task, model: nn.Module | Model, batches: Batches, at: Position) -> None:
        self.task, self.model, self.batches, self.at = task, model, batches, at

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        modes, parted = set_evaluating(self.model), Parted("an evaluation")
        try:
            with torch.set_grad_enabled(self.task.needs_gradients):
                for index, batch in enumerate(self.batches):
                    parts = parted(partial(self._measured, self.at.inside(index)), batch)
                    yield parts[0] if len(parts) == 1 else {name: torch.cat([one[name] for one in parts]) for name in parts[0]}
        finally:
            restore_modes(modes)

    def _measured(self, at: Position, batch: Batch) -> dict[str, Tensor]:
        return self.task.measure(self.model, batch, at)


def set_evaluating(model: nn.Module | Model) -> list[tuple[nn.Module, bool]]:
    """Put a module into evaluation mode; returns each submodule's former mode for `restore_modes`."""
    if not isinstance(model, nn.Module):
        return []
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    return modes


def restore_modes(modes: list[tuple[nn.Module, bool]]) -> None:
    """Put submodules back into the modes they had."""
    for module, mode in modes:
        module.training = mode


def metric_rows(
    metrics: Mapping[str, Metric], readings: Mapping[str, Tensor], target: Tensor, mask: Tensor | None = None
) -> dict[str, Tensor]:
    """Each metric's rows (B, k), from the reading (probabilities, classes, values, ...) that its declaration says it reads."""
    reads = {name: metric.declaration.facts["reads"] for name, metric in metrics.items()}  # type: ignore[attr-defined]
    return {name: metric.rows(readings[reads[name]], target, mask) for name, metric in metrics.items()}


def of_each_member(loss: Loss, answers: Tensor, target: Tensor) -> Tensor:
    """Losses (B,) of answers (B, C); where members of an ensemble answer each row (B, M, C), the mean of the members' own."""
    if answers.dim() != 3:
        return loss(answers, target)
    rows, members = answers.shape[:2]
    losses = loss(answers.flatten(0, 1), target.repeat_interleave(members, 0))
    return losses.view(rows, members).mean(1)


def made_loss(choice: Choice, *, target: str | None = None, classes: Sequence[object] = ()) -> Loss:
    """The loss of that name with its settings.

    Args:
        target: what the task's targets are, as the declarations of losses say it; None: any.
        classes: what the target's classes are called, where it has some.

    Raises:
        UsageRefusal: no such loss, its settings are wrong, or it is for other targets; those that fit are named.
        DataRefusal: a class is weighted by what is no number.
    """
    meant = registry.facts("loss", choice.name).get("target") if choice.name in registry.names("loss") else target
    if target is not None and meant != target:
        fitting = [name for name, part in registry.parts("loss").items() if part.facts.get("target") == target]
        raise UsageRefusal(
            "LOSS_MISFIT",
            f'the loss "{choice.name}" is for {meant}, this task learns {target}',
            where="--loss",
            why="it would measure something else than the mistakes",
            fix=f"leave it out, or one of {', '.join(fitting)}",
        )
    _refuse_no_weights(choice, classes)
    loss: Loss = registry.load("loss", choice.name)(registry.settings_of("loss", choice.name, choice.settings))
    return loss


def _refuse_no_weights(choice: Choice, classes: Sequence[object]) -> None:
    """Raise a DataRefusal where the weight of a class is infinite or no number, as a count of no rows leads to."""
    key = registry.facts("loss", choice.name).get("by_class", "") if choice.name in registry.names("loss") else ""
    weights = choice.settings.get(key)
    if not isinstance(weights, list | tuple) or len(weights) != len(classes):
        return  # said by the loss itself
    bad = {name: one for name, one in zip(classes, weights, strict=True) if _no_weight(one)}
    if bad:
        raise DataRefusal(
            "CLASS_WEIGHT_NOT_FINITE",
            "; ".join(f'the weight of class "{name}" is {float(one)}' for name, one in list(bad.items())[:5]),
            where=f"task.loss.{key}",
            why="a share of no rows is no number, and each row of such a class would make every weight of the net none",
            fix="count the rows of each class again; a class that shall not count has weight 0",
        )


def _no_weight(given: object) -> bool:
    try:
        return not math.isfinite(float(given))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def made_metric(name: str, settings: Mapping[str, Any] | None = None) -> Metric:
    """The metric of that name, its settings at their defaults where they are not given."""
    metric: Metric = registry.load("metric", name)(registry.settings_of("metric", name, settings or {}))
    return metric
