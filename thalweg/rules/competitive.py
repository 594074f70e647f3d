"""Competitive learning on a grid: the unit nearest to an input, and its neighbours, move towards it.

References: Kohonen 1990, doi:10.1109/5.58325, eq. 5-9, and the start on the plane of two principal components; Kohonen 2013,
doi:10.1016/j.neunet.2012.09.018, eq. 8 (a batch at once).

Letters: B batch, D values of an input, R rows and C columns of the grid, K units, R C of them.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.models.self_organising_map import Map
from thalweg.rules._rule import Context, Rule, RuleSettings, required_model
from thalweg.tasks._task import Task

BASIS, ROUNDS = 8, 30
"""Directions that are turned towards the largest components together, and how often: an error shrinks by the ratio of the ninth
variance to the second in each round."""


class CompetitiveSettings(RuleSettings):
    """How far neighbours follow, and how fast; both shrink geometrically from first to last step."""

    batch_size: int = Field(256, ge=1, le=1 << 24, description="rows of a global batch; 1: one by one, as in the paper of 1990")
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
        sides = (torch.arange(side, device=context.device, dtype=self.map.codes.dtype) for side in self.map.shape)
        self.apart = [(side[:, None] - side).square() for side in sides]  # (R, R), (C, C): squared distances on the grid

    @torch.no_grad()
    def begin(self, batches: Batches, at: Position) -> None:
        """Spread the codes over the plane of the two largest principal components, two deviations each way."""
        mean, covariance = self._moments(batches)
        values, vectors = largest_components(covariance, at.generator("components", by="run"))
        axes = vectors * values.clamp(min=0).sqrt()  # (D, 1 or 2)
        largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))  # a direction has no sign of its own
        axes = axes * torch.where(largest < 0, -1.0, 1.0)
        sides = self.map.places.double()
        spread = 4 * sides / sides.amax(0).clamp(min=1) - 2  # (K, 2) in [-2, 2]
        longer_first = spread.flip(1) if self.map.shape[1] > self.map.shape[0] else spread
        self.map.codes.copy_(mean + longer_first[:, : axes.shape[1]] @ axes.T)

    @torch.no_grad()
    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        x, codes = self._inputs(batch), self.map.codes  # (B, D), (K, D)
        least, winner = torch.addmm(codes.square().sum(1), x, codes.T, alpha=-2).min(1)  # all but the square of x
        distance = (least + x.square().sum(1)).clamp(min=0).sqrt()
        counted = nn.functional.pad(x, (0, 1), value=1.0)  # (B, D + 1): what falls to a unit is a sum and how many
        won = codes.new_zeros(len(codes), counted.shape[1]).index_add_(0, winner, counted)
        won, far = self.context.processes.sum([won, distance.sum()])
        radius, rate = self.schedule(at)
        towards = self._spread(won, radius)  # (K, D + 1)
        weight = towards[:, -1:]
        share = 1 - (1 - rate) ** weight  # of the way, after as many moves as there are inputs near it
        codes.mul_(1 - share).addcmul_(towards[:, :-1], share / weight.clamp(min=torch.finfo(weight.dtype).tiny))
        return {"loss": far / won[:, -1].sum()}

    def schedule(self, at: Position) -> tuple[float, float]:
        """Radius and rate at a position."""
        done = at.step / max(at.total - 1, 1)
        first = self.settings.radius or max(self.map.shape) / 2
        radius = first * (self.settings.last_radius / first) ** done
        return radius, self.settings.rate * (self.settings.last_rate / self.settings.rate) ** done

    def _spread(self, sums: Tensor, radius: float) -> Tensor:
        """What fell to each unit (K, n), spread over its neighbours by column and by row: R + C products a unit, not K."""
        rows, columns = self.map.shape
        near = [torch.exp(apart / (-2 * radius**2)) for apart in self.apart]  # the factors of a Gaussian on the grid
        by_row = near[0] @ sums.view(rows, -1)  # (R, C n)
        return (near[1] @ by_row.view(rows, columns, -1)).view_as(sums)

    def _moments(self, batches: Batches) -> tuple[Tensor, Tensor]:
        """Mean (D,) and covariance (D, D) of the rows of the training part, summed in float64."""
        codes = self.map.codes
        sums, count = codes.new_zeros(codes.shape[1], dtype=torch.float64), codes.new_zeros(1, dtype=torch.float64)
        for batch in batches:
            x = self._inputs(batch)
            sums, count = sums + x.sum(0, dtype=torch.float64), count + len(x)
        sums, count = self.context.processes.sum([sums, count])
        mean, products = sums / count, torch.zeros_like(torch.outer(sums, sums))
        for batch in batches:
            x = (self._inputs(batch) - mean).to(codes.dtype)
            products += x.T @ x
        return mean, self.context.processes.sum([products])[0] / count

    def _inputs(self, batch: Batch) -> Tensor:
        joined: Tensor = self.map.joined(self.task.ports.given(batch)[1])
        return joined


def largest_components(covariance: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The two largest variances (2,) of a covariance (D, D), in float64, and their directions (D, 2); of one value one of each.

    Reference: Halko, Martinsson & Tropp 2011, arXiv:0909.4061, algorithm 4.4 (orthogonal iteration).
    """
    width = len(covariance)
    basis = torch.randn(width, min(BASIS, width), generator=generator, dtype=torch.float64).to(covariance.device)
    for _ in range(ROUNDS):
        basis = torch.linalg.qr(covariance @ basis).Q
    values, within = torch.linalg.eigh(basis.T @ covariance @ basis)
    return values[-2:].flip(0), (basis @ within[:, -2:]).flip(1)
