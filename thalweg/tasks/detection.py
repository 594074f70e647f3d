"""Detection of things of one sort: where they are in a picture, any number of them, in one stage.

A model for it answers with a grid of cells (B, R, S, 5): the logit of a thing's centre lying in the cell, then the centre's
place in the cell (logits) and the logarithm of the thing's width and height in cells. Boxes are shares of the picture's sides.

Reference: Redmon et al. 2016, arXiv:1506.02640 (one stage, cells); 2017, arXiv:1612.08242, section 2 (logits of the place).

Letters: B pictures, R rows and S columns of cells, K boxes found, T true boxes.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.core.printable import typed
from thalweg.core.registry import task
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.boxes import Boxes
from thalweg.fields.overlaps import not_suppressed
from thalweg.fields.ports import Port, Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows

BEYOND = 0.1
"""How far beyond its cell a centre may be placed, so that those at its edges are reached."""
FINE = 64
"""Cells of the perfect answer along each side."""
WIDEST = 6.0
"""Boxes are at most e to this many cells wide and high."""


class DetectionSettings(Settings):
    """What counts how much, and how much is found at most."""

    place_weight: float = Field(2.0, gt=0, description="weight of a box's place and size beside that of its being there")
    most: int = Field(64, ge=1, le=4096, description="boxes of a picture, at most")


class DetectionRequest(Request):
    """What is shown."""

    sureness: float = Field(0.3, ge=0, lt=1, description="probability from which a box is shown; two cells may share it")
    overlap: float = Field(0.5, ge=0, le=1, description="share of the joint area from which the less sure of two is a double")


@task("detection", settings=DetectionSettings, target="boxes")
class Detection(Task):
    """One probability for each cell, and the box of the thing whose centre lies in it; of two in a cell the last counts."""

    settings: DetectionSettings
    asks = DetectionRequest

    def make_ports(self, encodings: Encodings) -> Ports:
        target = encodings.target
        if not isinstance(target, Boxes):
            raise DataRefusal(
                "DATA_TARGET_KIND",
                f"detection finds boxes, the target {target.name} is of kind {target.kind}",
                where=f"field {target.name}",
                why="a box must be learned from boxes",
                fix=f"--target NAME of a field with boxes, or {typed('field', target.name, 'boxes')}",
            )
        return Ports(tuple(one.port for one in encodings.inputs), (Port("cells", "boxes", (None, None, 5)),))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("detection-f1", "detection-recall", "detection-precision")}

    def objective(self, model: Model, batch: Batch) -> Losses:
        name = self.encodings.target.name
        arguments, named = self.ports.given(batch)
        cells = model(*arguments, **named)
        there, wanted = _wanted(batch[name][..., :4], batch[f"{name}_mask"], cells.shape[1:3])
        said = F.binary_cross_entropy_with_logits(cells[..., 0], there.to(cells.dtype), reduction="none")
        place = (_placed(cells[..., 1:]) - wanted.to(cells.dtype)).abs().sum(3)  # (B, R, S)
        return Losses.equal(said.sum((1, 2)) + self.settings.place_weight * (place * there).sum((1, 2)))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """Boxes (B, K, 4), the surest first, and how sure they are (B, K), 0 where there is none."""
        assert isinstance(request, DetectionRequest)
        arguments, named = self.ports.given(batch)
        cells = model(*arguments, **named).float()
        count = min(self.settings.most, cells.shape[1] * cells.shape[2])
        sureness, index = cells[..., 0].flatten(1).sigmoid().topk(count, dim=1)
        boxes = _boxes(cells).flatten(1, 2).gather(1, index[:, :, None].expand(-1, -1, 4))
        candidates = sureness.masked_fill(sureness < request.sureness, -torch.inf)
        kept = not_suppressed(boxes, candidates, overlap=request.overlap)
        return {"boxes": boxes.masked_fill(~kept[:, :, None], 0.0), "sureness": sureness.masked_fill(~kept, 0.0)}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.encodings.target.name
        said = self.predict(model, batch, at, DetectionRequest())
        readings = {"boxes": torch.cat([said["boxes"], said["sureness"][:, :, None]], 2)}
        return metric_rows(self.metrics, readings, batch[name], batch[f"{name}_mask"])

    def trivial(self, batches: Batches) -> Model:
        """Finds nothing."""
        return lambda *given, **named: torch.full((len([*given, *named.values()][0]), 1, 1, 5), -20.0)

    def perfect(self, batch: Batch) -> Model:
        """Cells so small that hardly two centres lie in one."""
        name = self.encodings.target.name
        there, wanted = _wanted(batch[name][..., :4], batch[f"{name}_mask"], (FINE, FINE))
        place = ((wanted[..., :2] + BEYOND) / (1 + 2 * BEYOND)).logit()
        cells = torch.cat([torch.where(there, 20.0, -20.0)[..., None], place, wanted[..., 2:]], -1)
        return lambda *given, **named: cells

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """For each picture an array (k, 4) of boxes as shares of its sides, and one (k,) of how sure they are."""
        boxes = self.encodings.target.decode(predicted["boxes"])
        sureness = [row[row > 0].numpy() for row in predicted["sureness"].detach().cpu()]
        return {self.encodings.target.name: boxes, "probability": sureness}


def _placed(raw: Tensor) -> Tensor:
    """Places in the cell, a little beyond its edges, and logarithms of sizes (..., 4), of what a model says of them."""
    place = (1 + 2 * BEYOND) * raw[..., :2].sigmoid() - BEYOND
    return torch.cat([place, raw[..., 2:].clamp(-WIDEST, WIDEST)], -1)


def _boxes(cells: Tensor) -> Tensor:
    """(B, R, S, 4) boxes in shares of the picture's sides, inside the picture."""
    placed, (rows, columns) = _placed(cells[..., 1:]), cells.shape[1:3]
    corner = torch.stack(torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), 2).to(placed)
    sides = placed.new_tensor([columns, rows])
    centre, half = (corner + placed[..., :2]) / sides, placed[..., 2:].exp() / (2 * sides)
    return torch.cat([centre - half, centre + half], -1).clamp(0, 1)


def _wanted(boxes: Tensor, mask: Tensor, cells: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Which cells (B, R, S) hold a centre, and what `_placed` should say there (B, R, S, 4), of boxes (B, T, 4)."""
    rows, columns = cells
    sides = boxes.new_tensor([columns, rows])
    centre, size = (boxes[..., :2] + boxes[..., 2:]) / 2 * sides, (boxes[..., 2:] - boxes[..., :2]) * sides
    cell = torch.minimum(centre.floor(), sides - 1).clamp(min=0)
    values = torch.cat([centre - cell, size.clamp(min=1e-3).log()], -1)  # (B, T, 4)
    number = (cell[..., 1] * columns + cell[..., 0]).long()  # (B, T)
    held = (number[:, :, None] == torch.arange(rows * columns, device=boxes.device)) & mask[:, :, None]  # (B, T, R * S)
    there = held.any(1)
    last = torch.where(held, torch.arange(1, boxes.shape[1] + 1, device=boxes.device)[:, None], 0).argmax(1)  # (B, R * S)
    wanted = values.gather(1, last[:, :, None].expand(-1, -1, 4))
    return there.unflatten(1, (rows, columns)), wanted.unflatten(1, (rows, columns))
