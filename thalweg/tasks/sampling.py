"""Sampling: new examples of what the data hold, by flow matching. A velocity carries noise along straight lines to data.

Reference: Lipman et al. 2023, arXiv:2210.02747, eq. 20-23 with no noise left at the end; Liu et al. 2023, arXiv:2209.03003.

Letters: B batch.
"""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Port, Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


class SamplingRequest(Request):
    """What is to be drawn."""

    samples: int = Field(16, ge=1, le=1 << 24, description="how many")
    steps: int = Field(32, ge=1, le=10_000, description="steps from noise to data; two calls of the model each")


@task("sampling", recipe={"average": 0.999}, as_they_are=True)
class Sampling(Task):
    """The model gives the velocity (B, ...) at a place `moving` (B, ...) between noise and data, at a `time` (B, 1)."""

    asks = SamplingRequest

    def make_ports(self, encodings: Encodings) -> Ports:
        port = encodings.input.port
        moving, time = Port("moving", port.kind, port.shape, drawn=True), Port("time", "time", (1,), drawn=True)
        return Ports((moving, time), (Port("velocity", port.kind, port.shape),))

    def make_metrics(self) -> dict[str, Metric]:
        return {"energy-distance": made_metric("energy-distance")}

    def prepare(self, batch: Batch, at: Position) -> Batch:
        """A place on the line from noise to each example, and the velocity along it."""
        data = batch[self.encodings.input.name]
        noise, time = at.normal("noise", batch, *data.shape[1:]), at.uniform("time", batch, 1).to(data.dtype)
        share = time.view(-1, *[1] * (data.dim() - 1))
        moving = (1 - share) * noise + share * data  # x_t
        return batch.having({"moving": moving.to(data.dtype), "time": time, "velocity": (data - noise).to(data.dtype)})

    def objective(self, model: Model, batch: Batch) -> Losses:
        arguments, named = self.ports.given(batch)
        wrong = model(*arguments, **named) - batch["velocity"]
        return Losses.equal(wrong.square().flatten(1).mean(1))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """Noise, carried along the model's velocity by the midpoint rule."""
        assert isinstance(request, SamplingRequest)
        like = next((one for one in batch.values() if one.is_floating_point()), torch.zeros(()))
        port, step = self.ports.inputs[0], 1 / request.steps
        place = at.normal("noise", batch, *[axis or 1 for axis in port.shape]).to(like.dtype)
        for number in range(request.steps):
            half = place + step / 2 * self._velocity(model, batch, place, number * step)
            place = place + step * self._velocity(model, batch, half, (number + 0.5) * step)
        return {self.encodings.input.name: place}

    def _velocity(self, model: Model, batch: Batch, place: Tensor, time: float) -> Tensor:
        arguments, named = self.ports.given(batch.having({"moving": place, "time": place.new_full((len(place), 1), time)}))
        velocity: Tensor = model(*arguments, **named)
        return velocity

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.encodings.input.name
        drawn = self.predict(model, batch, at, SamplingRequest())[name]
        return metric_rows(self.metrics, {"values": drawn.float()}, batch[name].float())

    def trivial(self, batches: Batches) -> Model:
        """The exact velocity towards independent normal values with the data's mean and deviation, entry by entry."""
        values = torch.cat([batch[self.encodings.input.name].cpu() for batch in batches])
        mean, variance = values.mean(0), values.var(0, correction=0)

        def velocity(*given: Tensor, **named: Tensor) -> Tensor:
            place, time = [*given, *named.values()]
            t = time.view(-1, *[1] * (place.dim() - 1))
            share = (t * variance - (1 - t)) / ((1 - t).square() + t.square() * variance).clamp(min=1e-12)
            return mean + share * (place - t * mean)

        return velocity

    def perfect(self, batch: Batch) -> Model:
        """The velocity that takes each place straight to a real example of the batch."""
        data = batch[self.encodings.input.name]

        def velocity(*given: Tensor, **named: Tensor) -> Tensor:
            place, time = [*given, *named.values()]
            return (data - place) / (1 - time.view(-1, *[1] * (place.dim() - 1)))

        return velocity

    def asked(self, request: Mapping[str, Any], at: Position) -> Batch | None:
        wanted = SamplingRequest.model_validate(dict(request))
        return Batch.of({"sample": torch.arange(wanted.samples)})

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """Raw examples under their field's name."""
        return {name: self.encodings[name].decode(tensor) for name, tensor in predicted.items()}
