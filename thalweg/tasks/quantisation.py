"""Quantisation: each example is stood for by one of a few codes; on a grid, neighbours stand for similar examples.

Letters: B batch, R rows, C columns of the grid.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from thalweg.core.grids import unravelled
from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.layers.joined import Joined
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


@task("quantisation", rule="competitive", as_they_are=True)
class Quantisation(Task):
    """The model gives squared distances from each code, laid out as its units are: (B, R, C), or (B, C) for a row of units."""

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), ())

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("quantisation-error", "topographic-error")}

    @property
    def notes(self) -> list[str]:
        """What the data say beside their inputs is left aside."""
        names = ", ".join(one.name for one in self.encodings.of_role("target"))
        return [f"{names} is not read: examples are laid out by the inputs alone"] if names else []

    def objective(self, model: Model, batch: Batch) -> Losses:
        """The squared distance from the nearest code, as k-means has it."""
        arguments, named = self.ports.given(batch)
        return Losses.equal(model(*arguments, **named).flatten(1).amin(1))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        arguments, named = self.ports.given(batch)
        squared = model(*arguments, **named)  # (B, R, C)
        least, unit = squared.flatten(1).min(1)
        return {
            "unit": unit,
            "coordinates": torch.stack(unravelled(unit, squared.shape[1:]), 1),
            "distance": least.sqrt(),
        }

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        arguments, named = self.ports.given(batch)
        distances = model(*arguments, **named).float().sqrt()
        return metric_rows(self.metrics, {"distances": distances}, distances)

    def trivial(self, batches: Batches) -> Model:
        """One code, the mean of all inputs."""
        joined, names = Joined(self.ports.inputs), self.ports.names
        mean = torch.cat([joined(batch.to("cpu")) for batch in batches]).mean(0)

        def squared(*given: Tensor, **named: Tensor) -> Tensor:
            x = joined({**dict(zip(names, given, strict=False)), **named})
            return (x - mean.to(x)).square().sum(1)[:, None]

        return squared

    def perfect(self, batch: Batch) -> Model:
        """A row of codes, each the very example in its place, the next one its neighbour."""
        place = torch.arange(batch.size, device=batch.device, dtype=torch.float32)
        squared = (place[:, None] - place).square()
        return lambda *given, **named: squared

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """The unit's number, its coordinates on the grid, and the distance of its code."""
        return {name: tensor.detach().cpu().numpy() for name, tensor in predicted.items()}
