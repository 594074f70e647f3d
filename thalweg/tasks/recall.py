"""Recall: a damaged pattern is given, the whole one is wanted; patterns are values of which the sign counts.

Letters: B batch, P values of a pattern.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


class RecallSettings(Settings):
    """How the memory is put to the test."""

    damage: float = Field(0.2, ge=0, le=1, description="share of a pattern's values that are turned over before it is recalled")


class RecallRequest(Request):
    """How recall goes."""

    steps: int = Field(100, ge=1, le=100_000, description="sweeps at most; it ends when nothing changes any more")
    damage: float = Field(0.0, ge=0, le=1, description="share of the given values that are turned over first")


@task("recall", settings=RecallSettings, as_they_are=True)
class Recall(Task):
    """The model takes a pattern (B, ...) to a better one of ±1; recall repeats it until nothing changes."""

    settings: RecallSettings
    asks = RecallRequest

    def make_ports(self, encodings: Encodings) -> Ports:
        port = encodings.input.port
        return Ports((port,), (port,))

    def make_metrics(self) -> dict[str, Metric]:
        """The share of patterns recalled whole, and that of their values."""
        return {name: made_metric(name) for name in ("subset-accuracy", "accuracy")}

    def objective(self, model: Model, batch: Batch) -> Losses:
        """The share of values that the model would change: a pattern should stay what it is."""
        arguments, named = self.ports.given(batch)
        answer, pattern = model(*arguments, **named), batch[self.ports.output.name]
        return Losses.equal(((answer > 0) != (pattern >= 0)).flatten(1).to(pattern.dtype).mean(1))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        assert isinstance(request, RecallRequest)
        name = self.ports.output.name
        state = batch[name]
        turned = at.uniform("damage", batch, *state.shape[1:]) < request.damage
        state = torch.where(state >= 0, 1.0, -1.0).to(state.dtype) * torch.where(turned, -1, 1).to(state.dtype)
        for _ in range(request.steps):
            arguments, named = self.ports.given(batch.having({name: state}))
            before, state = state, model(*arguments, **named)
            if torch.equal(before, state):
                break
        return {name: state}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.ports.output.name
        recalled = self.predict(model, batch, at, RecallRequest(damage=self.settings.damage))[name]
        return metric_rows(self.metrics, {"classes": (recalled > 0).long()}, (batch[name] >= 0).long())

    def trivial(self, batches: Batches) -> Model:
        """The pattern as it was given, damage and all."""
        return lambda *given, **named: [*given, *named.values()][0]

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """Raw values: -1 and 1 stand for one deviation below and above the mean."""
        return {name: self.encodings[name].decode(tensor) for name, tensor in predicted.items()}
