"""The encoders of a table's columns forwards and backwards by hand.

What a row's numbers and categories look up depends on no weight, so it can be found once for all rows before the first step.

Letters: B rows, A sets of vectors (one for each member of an ensemble, or a single one), d numbers, K bins, D width of each,
P pairs, L levels, k categories.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from thalweg.engine._decoder_pass import Room
from thalweg.layers.encoders.categories import CategoriesEncoder
from thalweg.layers.encoders.numbers import NumbersEncoder
from thalweg.layers.encoders.vector import VectorEncoder

aten = torch.ops.aten
Views = Mapping[int, tuple[Tensor, Tensor]]
"""By the `id` of a parameter: where it lies, and where its slope belongs."""
Seen = tuple[Tensor, ...]
"""What is found of rows without any weight, rows first."""


class Columns(ABC):
    """One input of a table."""

    def begin(self) -> None:
        """Look at what the encoder's buffers hold; again where these were changed."""

    @abstractmethod
    def seen(self, given: Tensor) -> Seen:
        """What the rows of an input (B, ...) look up."""

    @abstractmethod
    def forward(self, seen: Seen, out: Tensor) -> None:
        """Write vectors (A, B, width)."""

    @abstractmethod
    def backward(self, slope: Tensor) -> None:
        """Write the slopes by all weights, from that by the vectors (A, B, width)."""


class VectorColumns(Columns):
    """Vectors as they are, the same in all sets."""

    def seen(self, given: Tensor) -> Seen:
        return (given.flatten(1),)

    def forward(self, seen: Seen, out: Tensor) -> None:
        out.copy_(seen[0])

    def backward(self, slope: Tensor) -> None:
        """There is nothing to learn."""


class CategoriesColumns(Columns):
    """Categories as vectors from a table for each column."""

    def __init__(self, encoder: CategoriesEncoder, views: Views) -> None:
        held = [views[id(one.weight)] for one in encoder.tables if isinstance(one, nn.Embedding)]
        self.sets, self.tables = encoder.members, held
        self.widths = [table.shape[1] // self.sets for table, _ in held]

    def seen(self, given: Tensor) -> Seen:
        return (given.reshape(len(given), -1),)

    def forward(self, seen: Seen, out: Tensor) -> None:
        self.codes = seen[0].t().contiguous()  # (k, B)
        for (table, _), codes, part in zip(self.tables, self.codes, out.split(self.widths, 2), strict=True):
            part.copy_(table.index_select(0, codes).unflatten(1, (self.sets, -1)).transpose(0, 1))

    def backward(self, slope: Tensor) -> None:
        for (_, learned), codes, part in zip(self.tables, self.codes, slope.split(self.widths, 2), strict=True):
            learned.zero_().index_add_(0, codes, part.transpose(0, 1).flatten(1))


class NumbersColumns(Columns):
    """Numbers in pieces, vectors of exact values, and grids of pairs.

    Args:
        most: rows of a batch, at most.
    """

    def __init__(self, encoder: NumbersEncoder, views: Views, most: int) -> None:
        self.encoder, self.sets = encoder, encoder.settings.members
        (self.weight, self.weight_slope), (self.bias, self.bias_slope), (self.vectors, self.vectors_slope) = (
            views[id(one)] for one in (encoder.weight, encoder.bias, encoder.vectors)
        )
        self.grids = views[id(encoder.pairs.vectors)] if encoder.pairs is not None else None
        self.most, self.whole_weight, self.whole_slope = most, self.weight, self.weight_slope

    def begin(self) -> None:
        """Bins that no number has are left out: their slope is nothing."""
        steepness = self.encoder.steepness
        used = int((steepness > 0).any(0).nonzero().max()) + 1
        self.left, self.steepness = self.encoder.left[:, None, :used], steepness[:, None, :used]  # (d, 1, K)
        self.whole_slope.zero_()
        self.weight, self.weight_slope = self.whole_weight[:, :used], self.whole_slope[:, :used]
        self.room = Room(self._shapes, self.most, self.weight)

    def _shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        d, bins, width = self.weight.shape
        return {"pieces": (d, rows, bins), "bent": (d, rows, width), "turned": (d, rows, width)} | {
            "found": (rows * d, width), "taken": (rows, d, width)
        }  # fmt: skip

    def seen(self, given: Tensor) -> Seen:
        encoder, x = self.encoder, given.flatten(1)
        if encoder.neighbours is not None:
            x = torch.cat([x, encoder.neighbours.of_training_rows(x)], 1)
        found = x, encoder.codes(x).contiguous()
        if encoder.pairs is None or not encoder.pairs.live.any():
            return found
        corners, shares = encoder.pairs.corners(x)
        return *found, corners.transpose(0, 1).contiguous(), shares.transpose(0, 1).contiguous()  # (B, P, 4 L)

    def forward(self, seen: Seen, out: Tensor) -> None:
        x, self.codes, *self.corners = seen[0], seen[1].reshape(-1), *seen[2:]
        room = self.kept = self.room.cut(len(x))
        torch.sub(x.t().unsqueeze(2), self.left, out=room["pieces"]).mul_(self.steepness).clamp_(0.0, 1.0)
        torch.baddbmm(self.bias, room["pieces"], self.weight, out=room["bent"]).clamp_min_(0.0)
        torch.index_select(self.vectors, 0, self.codes, out=room["found"])
        bent, found = (
            self._apart(one).movedim(2, 0) for one in (room["bent"].transpose(0, 1), room["found"].view_as(room["taken"]))
        )
        whole = out.unflatten(2, (len(self.weight), -1))  # (A, B, d, D)
        torch.add(bent, found, out=whole)
        if self.corners and self.grids is not None:
            corners, shares = self.corners
            told = nn.functional.embedding_bag(
                corners.flatten(0, 1), self.grids[0], mode="sum", per_sample_weights=shares.flatten(0, 1)
            ).unflatten(0, corners.shape[:2])  # (B, P, A D)
            for number, one in zip(self._firsts(), told.unbind(1), strict=True):
                whole[:, :, number] += self._apart(one).transpose(0, 1)

    def backward(self, slope: Tensor) -> None:
        room = self.kept
        taken, turned = room["taken"], room["turned"]
        self._apart(taken).copy_(slope.unflatten(2, (len(self.weight), -1)).permute(1, 2, 0, 3))
        aten.threshold_backward.grad_input(taken.transpose(0, 1).contiguous(), room["bent"], 0.0, grad_input=turned)
        torch.bmm(room["pieces"].mT, turned, out=self.weight_slope)
        torch.sum(turned, 1, keepdim=True, out=self.bias_slope)
        self.vectors_slope.zero_().index_add_(0, self.codes, taken.flatten(0, 1))
        if self.grids is None:
            return
        learned = self.grids[1].zero_()
        if self.corners:
            corners, shares = self.corners
            of_pairs = shares.unsqueeze(3) * taken[:, self._firsts()].unsqueeze(2)  # (B, P, 4 L, A D)
            learned.index_add_(0, corners.flatten(), of_pairs.flatten(0, 2))

    def _apart(self, vectors: Tensor) -> Tensor:
        """(..., A D) to (..., A, D)."""
        return vectors.unflatten(-1, (self.sets, -1))

    def _firsts(self) -> list[int]:
        """The number that each pair's vectors are added to."""
        assert self.encoder.pairs is not None
        numbers: list[int] = self.encoder.pairs.place[:, 0].tolist()
        return numbers


KNOWN = (VectorEncoder, CategoriesEncoder, NumbersEncoder)
"""Encoders that have a way back here."""


def columns_of(encoder: nn.Module, views: Views, most: int) -> Columns:
    """The columns of a known encoder, for batches of so many rows at most."""
    if isinstance(encoder, CategoriesEncoder):
        return CategoriesColumns(encoder, views)
    return NumbersColumns(encoder, views, most) if isinstance(encoder, NumbersEncoder) else VectorColumns()
