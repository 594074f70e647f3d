"""Augmentations that move the image plane: images, masks, boxes and key points go together, whatever their roles."""

from abc import abstractmethod
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import Augmentation
from thalweg.data.augment._geometry import Geometry
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encoding, Encodings


class Moving(Augmentation):
    """An augmentation that is a motion of the image plane. Several images of a row move alike."""

    def __init__(self, settings: Settings, encodings: Encodings) -> None:
        super().__init__(settings, encodings)
        self.movers = {name: MOVERS[_moves_as(one)] for name, one in encodings.items() if _moves_as(one) in MOVERS}

    @abstractmethod
    def geometry(self, batch: Batch, at: Position, size: tuple[int, int]) -> Geometry:
        """The motion drawn for each row of a batch of images of a height and width."""

    def augmented(self, batch: Batch, at: Position) -> Batch:
        height, width = batch[self.names[0]].shape[-2:]
        geometry = self.geometry(batch, at, (height, width))
        fields: dict[str, Tensor] = {}
        for name, mover in self.movers.items():
            if name in batch:
                fields |= mover(batch, name, geometry)
        return batch.having(fields)


Mover = Callable[[Batch, str, Geometry], dict[str, Tensor]]


def _moves_as(encoding: Encoding) -> str:
    """How values lie in the image plane: a kind is moved as what its declaration says (`moves_as="points"`), else as itself."""
    declared: str = encoding.declaration.facts.get("moves_as", encoding.kind)  # type: ignore[attr-defined]
    return declared


def _moved_images(batch: Batch, name: str, geometry: Geometry) -> dict[str, Tensor]:
    return {name: geometry.pixels(_sized(batch[name], name, geometry))}


def _moved_masks(batch: Batch, name: str, geometry: Geometry) -> dict[str, Tensor]:
    masks = _sized(batch[name], name, geometry)
    return {name: geometry.labels(masks)}


def _moved_points(batch: Batch, name: str, geometry: Geometry) -> dict[str, Tensor]:
    """Points (B, L, 2 or more): x and y move, what follows them stays; those that leave the image are masked out."""
    points = batch[name]
    height, width = geometry.size
    moved = geometry.points(points[..., :2].to(geometry.forward.dtype))
    inside = (moved >= 0).all(-1) & (moved[..., 0] <= width) & (moved[..., 1] <= height)  # (B, L)
    return _remaining(batch, name, torch.cat([moved.to(points.dtype), points[..., 2:]], dim=-1), inside)


def _moved_boxes(batch: Batch, name: str, geometry: Geometry) -> dict[str, Tensor]:
    """Boxes (B, L, 4 or more): the upright box around the four moved corners, clipped to the image.

    A box vanishes when less than a pixel of its width or height remains (thinner ones: when anything of them is lost).
    """
    boxes = batch[name]
    height, width = geometry.size
    around = _around(boxes[..., :4].to(geometry.forward.dtype), geometry)
    clipped = torch.minimum(around.clamp(min=0), around.new_tensor([width, height, width, height]))
    before, after = (box[..., 2:] - box[..., :2] for box in (around, clipped))
    remains = ((after >= before.clamp(max=1)) & (after > 0)).all(-1)  # (B, L)
    return _remaining(batch, name, torch.cat([clipped.to(boxes.dtype), boxes[..., 4:]], dim=-1), remains)


def _moved_box_shares(batch: Batch, name: str, geometry: Geometry) -> dict[str, Tensor]:
    """Boxes as shares of the image's sides (B, L, 4 or more), moved as boxes in pixels are."""
    shares, (height, width) = batch[name], geometry.size
    sides = shares.new_tensor([width, height, width, height])
    in_pixels = batch.having({name: torch.cat([shares[..., :4] * sides, shares[..., 4:]], dim=-1)})
    moved = _moved_boxes(in_pixels, name, geometry)
    return moved | {name: torch.cat([moved[name][..., :4] / sides, moved[name][..., 4:]], dim=-1)}


def _around(boxes: Tensor, geometry: Geometry) -> Tensor:
    """The upright boxes (B, L, 4) around the moved corners of boxes (B, L, 4)."""
    corners = boxes[..., [0, 1, 2, 1, 2, 3, 0, 3]].view(boxes.shape[0], -1, 2)  # (B, L * 4, 2)
    moved = geometry.points(corners).view(*boxes.shape[:2], 4, 2)
    return torch.cat([moved.amin(2), moved.amax(2)], dim=-1)


def _remaining(batch: Batch, name: str, values: Tensor, remains: Tensor) -> dict[str, Tensor]:
    """Values (B, L, D) with zeros where nothing remains, and their mask (B, L) where the field has one."""
    mask = f"{name}_mask"
    masks = {mask: batch[mask] & remains} if mask in batch else {}
    remains = masks.get(mask, remains)
    return {name: values.masked_fill(~remains[..., None], 0)} | masks


def _sized(pixels: Tensor, name: str, geometry: Geometry) -> Tensor:
    if tuple(pixels.shape[-2:]) == geometry.size:
        return pixels
    (height, width), (rows, columns) = geometry.size, pixels.shape[-2:]
    raise DataRefusal(
        "AUGMENT_SIZES",
        f'"{name}" is {rows} x {columns} pixels where the image is {height} x {width}',
        where="augment",
        why="what is moved together must lie in one plane",
        fix="give both the same size, or leave out the augmentations that move the image",
    )


MOVERS: Mapping[str, Mover] = {
    "image": _moved_images,
    "mask": _moved_masks,
    "boxes": _moved_boxes,
    "box-shares": _moved_box_shares,
    "points": _moved_points,
}
"""How each kind that lies in the image plane is moved."""
