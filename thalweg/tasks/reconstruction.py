"""Reconstruction: an example is given back after it went through the model, which cannot keep it as it is.

Letters: B batch.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


@task("reconstruction", as_they_are=True)
class Reconstruction(Task):
    """One field (B, ...) in, the same field out; errors are in standardised units."""

    def make_ports(self, encodings: Encodings) -> Ports:
        port = encodings.input.port
        return Ports((port,), (port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("rmse", "mae")}

    def objective(self, model: Model, batch: Batch) -> Losses:
        """The mean squared error over an example's values."""
        arguments, named = self.ports.given(batch)
        wrong = model(*arguments, **named) - batch[self.ports.output.name]
        return Losses.equal(wrong.square().flatten(1).mean(1))

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.ports.output.name
        return metric_rows(
            self.metrics, {"values": self.predict(model, batch, at, Request())[name].float()}, batch[name].float()
        )

    def trivial(self, batches: Batches) -> Model:
        """The mean example, whatever is given."""
        total, count = torch.zeros(()), 0
        for batch in batches:
            total, count = total + batch[self.ports.output.name].double().sum(0).cpu(), count + batch.size
        mean = total / count
        return lambda *given, **named: mean.to([*given, *named.values()][0]).expand(
            len([*given, *named.values()][0]), *mean.shape
        )

    def perfect(self, batch: Batch) -> Model:
        """The example itself."""
        answer = batch[self.ports.output.name]
        return lambda *given, **named: answer

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """Raw values under the field's name."""
        return {name: self.encodings[name].decode(tensor) for name, tensor in predicted.items()}
