"""Regression: a number, or several, for each example; learned in standardised units and measured in the target's own."""

from collections.abc import Mapping

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric, metric_rows, of_each_member


class RegressionSettings(Settings):
    """Which loss numbers are learned by."""

    loss: Choice = Choice(name="squared")


@task("regression", settings=RegressionSettings, target="number", precision="float32", capturable=True)
class Regression(Task):
    """Outputs (B, d) against standardised targets (B, d)."""

    by_rows = True
    settings: RegressionSettings

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), (encodings.target.port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("rmse", "mae", "r2")}

    def make_loss(self) -> Loss:
        return made_loss(self.settings.loss, target="values")

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        arguments, named = self.ports.given(batch)
        target = batch[self.ports.output.name]
        answers: Tensor = model(*arguments, **named)
        answers = answers.reshape(target.shape) if answers.numel() == target.numel() else answers
        return self.weighted(of_each_member(self.loss, answers, target), batch)

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        arguments, named = self.ports.given(batch)
        output: Tensor = model(*arguments, **named)
        return {self.ports.output.name: output.reshape(output.shape[0], -1)}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.ports.output.name
        predicted = self.predict(model, batch, at, Request())[name]
        return metric_rows(self.metrics, {"values": self._own_units(predicted)}, self._own_units(batch[name]))

    def trivial(self, batches: Batches) -> Model:
        name = self.ports.output.name
        mean = torch.cat([batch[name].double().cpu() for batch in batches]).mean(0)
        return lambda *given, **named: mean.expand(len([*given, *named.values()][0]), -1)

    def perfect(self, batch: Batch) -> Model:
        target = batch[self.ports.output.name]
        return lambda *given, **named: target

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        name = self.ports.output.name
        return {name: self.encodings.target.decode(predicted[name].detach().cpu())}

    def _own_units(self, standardised: Tensor) -> Tensor:
        """Values (B, d) in the target's units, float64: what people measure errors in."""
        decoded = self.encodings.target.decode(standardised.detach().cpu())
        return torch.as_tensor(decoded, dtype=torch.float64).reshape(standardised.shape)
