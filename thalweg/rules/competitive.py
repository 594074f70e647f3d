"""Competitive learning on a grid: the unit nearest to an input, and its neighbours, move towards it.

Reference: Kohonen 1990, doi:10.1109/5.58325, eq. 5-9; so is the start on the plane of two principal components.

Letters: B batch, D values of an input, K units.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.layers.distances import squared_distances
from thalweg.models.self_organising_map import Map
from thalweg.rules._rule import Context, Rule, RuleSettings, required_model
from thalweg.tasks._task import Task


class CompetitiveSettings(RuleSettings):
    """How far neighbours follow, and how fast; both shrink geometrically from first to last step."""

    radius: float | None = Field(None, gt=0, description="of the neighbourhood at first, in units; none: half the longer side")
    last_radius: float = Field(0.5, gt=0, description="of the neighbourhood at last, in units")
    rate: float = Field(0.3, gt=0, lt=1, description="share of the way that the nearest unit moves at first")
    last_rate: float = Field(0.02, gt=0, lt=1, description="the same at last")


@rule("competitive", settings=CompetitiveSettings, gradient=False, paper="Kohonen 1990, doi:10.1109/5.58325")
class Competitive(Rule):
    """A batch moves each unit towards the mean of the inputs near it, as far as its examples one by one would have.

    Everything is a sum over the rows of the global batch, so that the number of processes changes nothing.
    """

    settings: CompetitiveSettings

    def __init__(self, task: Task, model: nn.Module, settings: CompetitiveSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        self.map = required_model(model, Map, self)
        between = squared_distances(self.map.places, self.map.places)
        self.between = between.to(context.device, self.map.codes.dtype)  # (K, K)

    @torch.no_grad()
    def begin(self, batches: Batches, at: Position) -> None:
        """Spread the codes over the plane of the two largest principal components, two deviations each way."""
        sums = None
        for batch in batches:
            x = self._inputs(batch).double()
            one = [x.sum(0), x.T @ x, x.new_tensor(float(len(x)))]
            sums = one if sums is None else [a + b for a, b in zip(sums, one, strict=True)]
        assert sums is not None, "every process has rows of the training part"
        first, second, count = self.context.processes.sum(sums)
        mean = first / count
        values, vectors = torch.linalg.eigh(second / count - torch.outer(mean, mean))
        axes = vectors[:, -2:].flip(1) * values[-2:].flip(0).clamp(min=0).sqrt()  # (D, 1 or 2)
        largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))  # a direction has no sign of its own
        axes = axes * torch.where(largest < 0, -1.0, 1.0)
        sides = self.map.places.double()
        spread = 4 * sides / sides.amax(0).clamp(min=1) - 2  # (K, 2) in [-2, 2]
        longer_first = spread.flip(1) if self.map.shape[1] > self.map.shape[0] else spread
        self.map.codes.copy_(mean + longer_first[:, : axes.shape[1]] @ axes.T)

    @torch.no_grad()
    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        x = self._inputs(batch)  # (B, D)
        nearest, winner = squared_distances(x, self.map.codes).min(1)
        radius, rate = self.schedule(at)
        near = torch.exp(-self.between[winner] / (2 * radius**2))  # (B, K)
        sums = [near.T @ x, near.sum(0), nearest.sqrt().sum(), nearest.new_tensor(float(len(x)))]
        towards, weight, distance, count = self.context.processes.sum(sums)
        share = 1 - (1 - rate) ** weight  # of the way, after as many moves as there are inputs near it
        mean = towards / weight.clamp(min=torch.finfo(weight.dtype).tiny)[:, None]
        self.map.codes.lerp_(mean, share[:, None])
        return {"loss": distance / count}

    def schedule(self, at: Position) -> tuple[float, float]:
        """Radius and rate at a position."""
        done = at.step / max(at.total - 1, 1)
        first = self.settings.radius or max(self.map.shape) / 2
        radius = first * (self.settings.last_radius / first) ** done
        return radius, self.settings.rate * (self.settings.last_rate / self.settings.rate) ** done

    def _inputs(self, batch: Batch) -> Tensor:
        joined: Tensor = self.map.joined(self.task.ports.given(batch)[1])
        return joined
