"""Centres by k-means and widths from the distances between them, before backpropagation learns what reads them.

Reference: Moody and Darken 1989, doi:10.1162/neco.1989.1.2.281; the start is that of Arthur and Vassilvitskii 2007 (k-means++).

Letters: B batch, D values of an input, K units, M candidates.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.layers.distances import squared_distances
from thalweg.models.radial_basis import RadialBasis
from thalweg.rules._gradient import GradientRule, GradientSettings
from thalweg.rules._rule import Context, RuleSettings, required_model
from thalweg.tasks._task import Task

CANDIDATES = 8
"""Rows drawn for each centre, among which the first centres are chosen."""


class KMeansSettings(RuleSettings, GradientSettings):
    """How centres and widths are found; then how long, in what batches, by which descent."""

    passes: int = Field(10, ge=0, le=10_000, description="times that all centres move to the mean of the rows nearest to them")
    neighbours: int = Field(2, ge=1, le=1 << 24, description="nearest centres whose distance is a unit's width")
    spread: float = Field(1.0, gt=0, le=1e6, description="what widths are multiplied by")


@rule("k-means", settings=KMeansSettings, gradient=True, paper="Moody & Darken 1989, doi:10.1162/neco.1989.1.2.281")
class KMeans(GradientRule):
    """Centres are found once through the rows and some passes more; the rest is as for backpropagation.

    Everything is a sum over all rows, or drawn for the global batch, so that the number of processes changes nothing.
    """

    settings: KMeansSettings

    def __init__(self, task: Task, model: nn.Module, settings: KMeansSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        self.net = required_model(model, RadialBasis, self)

    @torch.no_grad()
    def begin(self, batches: Batches, at: Position) -> None:
        """Find centres and widths; the same in every stage that has the same rows and units."""
        candidates = self._candidates(batches, at.generator("candidates", by="run"))
        count = len(self.net.centres)
        centres = spread_out(candidates, count, at.generator("centres", by="run")).to(self.net.centres.device)
        for _ in range(self.settings.passes):
            centres = self._moved(centres, batches)
        self.net.centres.copy_(centres)
        self.net.widths.copy_(self.settings.spread * distances_to_nearest(centres, self.settings.neighbours))
        super().begin(batches, at)  # the average starts from these centres

    def _candidates(self, batches: Batches, generator: torch.Generator) -> Tensor:
        """Rows (M, D) of the training part drawn without replacement, in an order that is drawn too."""
        most = CANDIDATES * len(self.net.centres)
        lots, rows = torch.empty(0, dtype=torch.float64), torch.empty(0, self.net.joined.width, dtype=torch.float64)
        for batch in batches:
            drawn = torch.rand(batch.whole, generator=generator, dtype=torch.float64)
            lots, rows = _first(
                torch.cat([lots, drawn[batch.start : batch.start + batch.size]]),
                torch.cat([rows, self._inputs(batch).cpu()]),
                most,
            )
        assert len(rows), "every process has rows of the training part"
        gather = self.context.processes.gather
        return _first(gather(lots), gather(rows), most)[1]

    def _moved(self, centres: Tensor, batches: Batches) -> Tensor:
        """Each centre (K, D) at the mean of the rows nearest to it; one that is nearest to none stays."""
        sums, counts = torch.zeros_like(centres), centres.new_zeros(len(centres))
        for batch in batches:
            x = self._inputs(batch)
            nearest = squared_distances(x, centres).argmin(1)
            sums.index_add_(0, nearest, x)
            counts.index_add_(0, nearest, torch.ones_like(x[:, 0]))
        sums, counts = self.context.processes.sum([sums, counts])
        return torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)

    def _inputs(self, batch: Batch) -> Tensor:
        joined: Tensor = self.net.joined(self.task.ports.given(batch)[1])
        return joined.double()


def _first(lots: Tensor, rows: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The rows with the highest lots, in the order of their lots."""
    order = lots.argsort(descending=True)[:most]
    return lots[order], rows[order]


def spread_out(rows: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Centres (count, D) among rows (M, D): each drawn by its squared distance from those chosen before (k-means++).

    Where every row is chosen already, rows are drawn once more.
    """
    chosen = [rows[0]]
    distance = (rows - rows[0]).square().sum(1)
    while len(chosen) < count:
        weight = distance if bool(distance.any()) else torch.ones_like(distance)
        chosen.append(rows[int(torch.multinomial(weight, 1, generator=generator))])
        distance = torch.minimum(distance, (rows - chosen[-1]).square().sum(1))
    return torch.stack(chosen)


def distances_to_nearest(centres: Tensor, neighbours: int) -> Tensor:
    """The root mean square of each centre's distances (K,) to its nearest others; 1 where all lie on one point.

    Centres on the same point count as one, so that no distance is 0.
    """
    between = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist").square()  # (K, K)
    between = torch.where(between > 0, between, torch.inf)
    near = between.topk(min(neighbours, len(centres)), largest=False).values
    there = near.isfinite()
    mean = near.where(there, 0.0).sum(1) / there.sum(1).clamp(min=1)
    return torch.where(there.any(1), mean, 1.0).sqrt()
