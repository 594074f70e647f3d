"""Perceptrons of an ensemble forwards and backwards by hand: one batched product a layer, in memory that is kept.

What dropout takes away is far below zero in what a product starts from, so that rectifying leaves nothing of it; what dropout
divides by is the next product's factor. So dropout costs its draws alone.

In bfloat16 products read rounded copies of inputs and weights, and what lies between layers stays rounded, as by autocast;
answers, and what the optimizer reads, are float32.

Letters: M members of this pass, B rows, I inputs, O outputs of a layer, C numbers that a member answers; A sets of inputs, one
for each member or a single one for all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from thalweg.engine._decoder_pass import Room
from thalweg.engine._multiplied import LEAST, multiplication
from thalweg.layers.members import SeparateLinear

aten = torch.ops.aten
Views = Mapping[int, tuple[Tensor, Tensor]]
"""By the `id` of a parameter: where it lies, and where its slope belongs."""


@dataclass(frozen=True)
class MembersLayer:
    """A dense layer of some members: weights (M, I, O), biases (M, 1, O), and their slopes."""

    weight: Tensor
    bias: Tensor
    weight_slope: Tensor
    bias_slope: Tensor

    @property
    def slopes(self) -> tuple[Tensor, Tensor]:
        """By weights and biases."""
        return self.weight_slope, self.bias_slope

    @staticmethod
    def of(linear: SeparateLinear, views: Views, members: slice) -> "MembersLayer":
        (weight, weight_slope), (bias, bias_slope) = views[id(linear.weight)], views[id(linear.bias)]
        return MembersLayer(weight[members], bias[members], weight_slope[members], bias_slope[members])

    def rounded(self, dtype: torch.dtype) -> "MembersLayer":
        """A layer of another type, to be filled by `take`; itself where the type is its own."""
        if dtype == self.weight.dtype:
            return self
        tensors = (self.weight, self.bias, *self.slopes)
        return MembersLayer(*(torch.empty_like(one, dtype=dtype) for one in tensors))

    def take(self, whole: "MembersLayer") -> None:
        """Round the weights and biases of a layer."""
        if self is not whole:
            self.weight.copy_(whole.weight)
            self.bias.copy_(whole.bias)

    def give(self, whole: "MembersLayer") -> None:
        """Write the slopes to those of the layer that was rounded."""
        if self is not whole:
            whole.weight_slope.copy_(self.weight_slope)
            whole.bias_slope.copy_(self.bias_slope)


class MembersPass:
    """Some members, from their inputs to the slopes by them.

    Args:
        hidden: layers whose answers are rectified; each followed by dropout where `stays` is below 1.
        stays: share that dropout leaves.
        most: rows of a batch, at most.
        dtype: of what products read, and of what lies between layers.
    """

    def __init__(
        self, hidden: Sequence[MembersLayer], head: MembersLayer, *, stays: float, most: int, dtype: torch.dtype
    ) -> None:
        self.hidden, self.head, self.factor, self.dtype = hidden, head, 1.0 / stays, dtype
        self.read = [one.rounded(dtype) for one in hidden]
        self.mixed, like = dtype != head.weight.dtype, head.weight.new_empty(0, dtype=dtype)
        self.multiply = multiplication(like)
        self.room, self.told = Room(self._shapes, most, like), Room(self._told, most, head.weight)
        self.turned, self.turned_slope = (torch.empty_like(head.weight.mT.contiguous(), dtype=dtype) for _ in range(2))

    def _told(self, rows: int) -> dict[str, tuple[int, ...]]:
        members, _, classes = self.head.weight.shape
        return dict.fromkeys(("told", "wanted"), (members, rows, classes))

    def _shapes(self, rows: int) -> dict[str, tuple[int, ...]]:
        members, _, classes = self.head.weight.shape
        shapes: dict[str, tuple[int, ...]] = {"wanted": (members, classes, rows)}
        for place, layer in enumerate(self.hidden):
            shapes[f"sums{place}"] = shapes[f"slopes{place}"] = (members, rows, layer.weight.shape[2])
        if self.mixed:
            shapes["x"] = shapes["by_x"] = (members, rows, [*self.hidden, self.head][0].weight.shape[1])
        return shapes

    def forward(self, x: Tensor, dropped: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """What members answer to inputs (A, B, I).

        Args:
            dropped: for each hidden layer (B, O), far below zero for what is dropped and 0 elsewhere; empty without dropout.

        Returns:
            Two tensors (M B, C): the answers of one member after another, and where the slope by them is to be written.
        """
        kept, told, factor = self.room.cut(x.shape[1]), self.told.cut(x.shape[1]), 1.0
        if self.mixed:
            x = kept["x"][: len(x)].copy_(x)
        self.x = y = x.expand(len(self.head.weight), -1, -1)
        for place, (layer, whole) in enumerate(zip(self.read, self.hidden, strict=True)):
            layer.take(whole)
            z = kept[f"sums{place}"]
            if dropped:
                torch.add(layer.bias, dropped[place], out=z)
            else:
                z.copy_(layer.bias.expand_as(z))
            self._product(y, layer.weight, z, factor, add=True)
            y, factor = z.clamp_min_(0.0), self.factor
        self.turned.copy_(self.head.weight.mT)
        answers = torch.bmm(self.turned, y.mT)  # products with few columns take five times as long as with few rows
        torch.add(self.head.bias, answers.mT, alpha=factor, out=told["told"])
        return told["told"].flatten(0, 1), told["wanted"].flatten(0, 1)

    def backward(self, out: Tensor) -> None:
        """Write slopes by weights and biases, and that by the inputs (A, B, I), summed over members where they share them."""
        rows = out.shape[1]
        kept, wanted = self.room.cut(rows), self.told.cut(rows)["wanted"]
        answers = [kept[f"sums{place}"] for place in range(len(self.hidden))]
        factors = [1.0, *(self.factor for _ in self.hidden)]
        read = [self.x, *answers]
        torch.sum(wanted, 1, keepdim=True, out=self.head.bias_slope)
        turned = kept["wanted"].copy_(wanted.mT)
        torch.baddbmm(self.turned_slope, turned, read[-1], beta=0, alpha=factors[-1], out=self.turned_slope)
        self.head.weight_slope.copy_(self.turned_slope.mT)
        slope, above = turned.mT, self.turned
        for place in reversed(range(len(self.hidden))):
            layer, below, y = self.read[place], kept[f"slopes{place}"], answers[place]
            self._product(slope, above, below, factors[place + 1])
            slope = aten.threshold_backward.grad_input(below, y, 0.0, grad_input=below)
            self._product(read[place].mT, slope, layer.weight_slope, factors[place])
            torch.sum(slope, 1, keepdim=True, out=layer.bias_slope)
            layer.give(self.hidden[place])
            above = layer.weight.mT
        self._by_inputs(slope, above, out)

    def _by_inputs(self, slope: Tensor, above: Tensor, out: Tensor) -> None:
        """Write the slope by the inputs (A, B, I), of one below the sums (M, B, O) and weights (M, O, I)."""
        if self.mixed:
            each = torch.bmm(slope, above, out=self.room.cut(out.shape[1])["by_x"])
            out.copy_(each) if len(out) > 1 else torch.sum(each, 0, keepdim=True, dtype=out.dtype, out=out)
        elif len(out) > 1:
            self._product(slope, above, out, 1.0)
        elif self._one_by_one(slope, above):
            for member in range(len(slope)):
                self._product(slope[member : member + 1], above[member : member + 1], out, 1.0, add=member > 0)
        else:
            torch.addbmm(out[0], slope, above, beta=0, out=out[0])

    def _product(self, x: Tensor, y: Tensor, out: Tensor, factor: float, *, add: bool = False) -> None:
        """Write a factor times each member's product of x (M, N, I) and y (M, I, O), or add it to what is there."""
        if not self._one_by_one(x, y):
            torch.baddbmm(out, x, y, beta=int(add), alpha=factor, out=out)
            return
        for one, other, place in zip(x.unbind(), y.unbind(), out.unbind(), strict=True):
            product = self.multiply(one, other)
            place.add_(product, alpha=factor) if add else torch.mul(product, factor, out=place)

    def _one_by_one(self, x: Tensor, y: Tensor) -> bool:
        """A call for each member's product costs less than another library gains."""
        return self.multiply is not torch.mm and x.shape[1] * x.shape[2] * y.shape[2] >= LEAST
