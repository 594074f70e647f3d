"""Decoders of text forwards and backwards by hand: kept memory, no graph, slopes added where the optimizer reads them.

Differentiated by torch, a block makes each of its tensors anew; queries, keys and values are copied to where its kernels want
them. Here products read them where they lie, and what no way back needs is written over by the next block.

Letters: B windows at a time, T places, N = B T, D width, H heads, d = D / H, I units of a perceptron, V symbols.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from thalweg.engine._dense_layers import ACTIVATIONS, Activation
from thalweg.layers.normalisation import LayerNorm
from thalweg.models.transformer import Block, Decoder

Views = Mapping[int, tuple[Tensor, Tensor]]
"""By the `id` of a parameter: where it lies, and where its slope belongs."""


@dataclass(frozen=True)
class Held:
    """A learned tensor and where its slope belongs; nothing for a scale or shift that is not learned."""

    weight: Tensor | None
    slope: Tensor | None

    @staticmethod
    def of(parameter: Tensor | None, views: Views) -> "Held":
        return Held(None, None) if parameter is None else Held(*views[id(parameter)])

    def add(self, slope: Tensor | None) -> None:
        """Add to its slope."""
        if self.slope is not None and slope is not None:
            self.slope.add_(slope)


class Product:
    """y = x W^T, with W (O, I)."""

    def __init__(self, linear: nn.Linear, views: Views) -> None:
        self.weight, self.slope = views[id(linear.weight)]
        self.turned = self.weight.t()

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """Write y (N, O) of x (N, I)."""
        torch.mm(x, self.turned, out=out)

    def added(self, x: Tensor, before: Tensor, out: Tensor) -> None:
        """Write y + before (N, O) of x (N, I)."""
        torch.addmm(before, x, self.turned, out=out)

    def back(self, slope: Tensor, x: Tensor, out: Tensor) -> None:
        """Add the slope by W, and write the one by x (N, I), from the one by y (N, O)."""
        self.slope.addmm_(slope.t(), x)
        torch.mm(slope, self.weight, out=out)


class Norm:
    """Layer normalisation, which keeps what its way back needs."""

    def __init__(self, norm: LayerNorm, views: Views) -> None:
        self.shape, self.epsilon = list(norm.normalized_shape), norm.eps
        self.scale, self.shift = Held.of(norm.weight, views), Held.of(norm.bias, views)
        self.wanted = [True, norm.elementwise_affine, norm.elementwise_affine]

    @staticmethod
    def of(norm: nn.Module, views: Views) -> "Norm":
        assert isinstance(norm, LayerNorm)
        return Norm(norm, views)

    def __call__(self, x: Tensor) -> Tensor:
        """(N, D) of x (N, D)."""
        self.x = x
        y, self.mean, self.steepness = torch.native_layer_norm(
            x, self.shape, self.scale.weight, self.shift.weight, self.epsilon
        )
        return y

    def back(self, slope: Tensor) -> Tensor:
        """The slope by x (N, D) from the one by what came of it; those by scale and shift are added."""
        x, scale, shift = torch.ops.aten.native_layer_norm_backward(
            slope, self.x, self.shape, self.mean, self.steepness, self.scale.weight, self.shift.weight, self.wanted
        )
        self.scale.add(scale)
        self.shift.add(shift)
        return x


class Room:
    """Memory for so many windows at most, of which fewer use the first part.

    Args:
        shapes: from a number of windows to the shape of each tensor, by name.
    """

    def __init__(self, shapes: Callable[[int], Mapping[str, Sequence[int]]], most: int, like: Tensor) -> None:
        self.shapes = shapes
        self.memory = {name: like.new_empty(math.prod(shape)) for name, shape in shapes(most).items()}
        self.cuts: dict[int, dict[str, Tensor]] = {}

    def cut(self, windows: int) -> dict[str, Tensor]:
        """Tensors for so many windows."""
        if windows not in self.cuts:
            shapes = self.shapes(windows).items()
            self.cuts[windows] = {name: self.memory[name][: math.prod(shape)].view(shape) for name, shape in shapes}
        return self.cuts[windows]


class BlockPass:
    """A block of a decoder, forwards and backwards.

    Args:
        shared: memory that all blocks share: what no way back needs.
    """

    def __init__(self, block: Block, views: Views, places: int, most: int) -> None:
        self.heads, self.places = block.attention.heads, places
        self.first, self.second = (Norm.of(one, views) for one in (block.before_attention, block.before_perceptron))
        inner, activation, outer, _ = block.perceptron
        assert isinstance(inner, nn.Linear)
        assert isinstance(outer, nn.Linear)
        self.activation: Activation = ACTIVATIONS[type(activation)](activation)
        self.read, self.write = Product(block.attention.read, views), Product(block.attention.write, views)
        self.inner, self.outer = Product(inner, views), Product(outer, views)
        self.width, self.units = inner.in_features, inner.out_features
        self.room = Room(self._kept, most, self.read.weight)
        self.scale = 1.0 / math.sqrt(self.width // self.heads)
        self.hidden = torch.full((places, places), -torch.inf, dtype=self.read.weight.dtype).triu(1)

    def _kept(self, windows: int) -> dict[str, tuple[int, ...]]:
        rows, width, units = windows * self.places, self.width, self.units
        shares = self.heads, windows, self.places, self.places
        return {"read": (rows, 3 * width), "shares": shares, "taken": (rows, width)} | {
            "middle": (rows, width), "sums": (rows, units), "answers": (rows, units), "end": (rows, width)
        }  # fmt: skip

    def scratch(self, windows: int) -> dict[str, tuple[int, ...]]:
        """Shapes of what no way back needs."""
        rows, per_head = windows * self.places, (self.heads, windows, self.places, self.width // self.heads)
        return {"mixed": (3, *per_head), "wide": (rows, self.units), "narrow": (rows, self.width)} | {
            "three": (rows, 3 * self.width), "shares": (*per_head[:3], self.places)
        }  # fmt: skip

    def forward(self, x: Tensor, windows: int, spare: Mapping[str, Tensor]) -> Tensor:
        """(N, D) of x (N, D)."""
        self.kept = kept = self.room.cut(windows)
        self.begun = self.first(x)
        self.read(self.begun, kept["read"])
        self.parts = kept["read"].view(windows, self.places, 3, self.heads, -1).permute(2, 3, 0, 1, 4)  # (3, H, B, T, d)
        for query, key, share in zip(self.parts[0], self.parts[1], kept["shares"], strict=True):
            torch.baddbmm(self.hidden, query, key.mT, alpha=self.scale, out=share)
        torch._softmax(kept["shares"], -1, False, out=kept["shares"])
        mixed = spare["mixed"][0]
        for share, value, out in zip(kept["shares"], self.parts[2], mixed, strict=True):
            torch.bmm(share, value, out=out)
        kept["taken"].view(windows, self.places, self.heads, -1).copy_(mixed.permute(1, 2, 0, 3))
        self.write.added(kept["taken"], x, kept["middle"])
        self.looked = self.second(kept["middle"])
        self.inner(self.looked, kept["sums"])
        self.activation.forward(kept["sums"], kept["answers"])
        self.outer.added(kept["answers"], kept["middle"], kept["end"])
        return kept["end"]

    def backward(self, slope: Tensor, windows: int, spare: Mapping[str, Tensor]) -> None:
        """Turn the slope by what came out (N, D) into the one by what went in, in place."""
        kept = self.kept
        self.outer.back(slope, kept["answers"], spare["wide"])
        self.activation.backward(spare["wide"], kept["sums"], kept["answers"])
        self.inner.back(spare["wide"], self.looked, spare["narrow"])
        slope += self.second.back(spare["narrow"])
        self.write.back(slope, kept["taken"], spare["narrow"])
        self._attention_back(spare["narrow"].view(windows, self.places, self.heads, -1).permute(2, 0, 1, 3), spare)
        spare["three"].view(windows, self.places, 3, self.heads, -1).copy_(spare["mixed"].permute(2, 3, 0, 1, 4))
        self.read.back(spare["three"], self.begun, spare["narrow"])
        slope += self.first.back(spare["narrow"])

    def _attention_back(self, slope: Tensor, spare: Mapping[str, Tensor]) -> None:
        """Write slopes by queries, keys and values (3, H, B, T, d), from the one by what was taken up (H, B, T, d)."""
        shares, by_shares = self.kept["shares"], spare["shares"]
        by_query, by_key, by_value = spare["mixed"]
        for value, one, share, by_share, out in zip(self.parts[2], slope, shares, by_shares, by_value, strict=True):
            torch.bmm(one, value.mT, out=by_share)
            torch.bmm(share.mT, one, out=out)
        torch._softmax_backward_data(by_shares, shares, -1, shares.dtype, grad_input=by_shares)
        by_shares *= self.scale
        for query, key, by_share, to_query, to_key in zip(*self.parts[:2], by_shares, by_query, by_key, strict=True):
            torch.bmm(by_share, key, out=to_query)
            torch.bmm(by_share.mT, query, out=to_key)


class DecoderPass:
    """A whole decoder on windows of one length.

    Args:
        most: windows that go through it at a time, at most.
    """

    def __init__(self, model: Decoder, views: Views, places: int, most: int) -> None:
        assert model.places is not None
        self.most, self.count = most, places
        self.symbols, self.symbol_slopes = views[id(model.symbols.weight)]
        weight, slopes = views[id(model.places.weight)]
        self.places, self.place_slopes = weight[:places], slopes[:places]
        self.blocks = [BlockPass(one, views, places, most) for one in model.blocks if isinstance(one, Block)]
        self.last, self.head = Norm.of(model.last, views), Product(model.head, views)
        width, told = self.symbols.shape[1], len(self.head.weight)
        ends = {"begun": width, "slope": width, "told": told, "wanted": told}
        self.ends = Room(lambda windows: {name: (windows * places, one) for name, one in ends.items()}, most, self.symbols)
        self.spare = Room(self.blocks[0].scratch, most, self.symbols)

    def add_slopes(self, codes: Tensor, judge: Callable[[int, Tensor, Tensor], None]) -> None:
        """Add the slopes of all windows (B, T), a few at a time.

        Args:
            judge: writes the slope by logits (N, V) of the windows from a number on; called as `judge(first, logits, out)`.
        """
        first = 0
        for part in codes.split(self.most):
            self._add(part, first, judge)
            first += len(part)

    def _add(self, codes: Tensor, first: int, judge: Callable[[int, Tensor, Tensor], None]) -> None:
        windows, flat = len(codes), codes.reshape(-1)
        ends, spare = self.ends.cut(windows), self.spare.cut(windows)
        x, slope = torch.index_select(self.symbols, 0, flat, out=ends["begun"]), ends["slope"]
        x.view(windows, *self.places.shape).add_(self.places)
        for block in self.blocks:
            x = block.forward(x, windows, spare)
        told = self.last(x)
        self.head(told, ends["told"])
        judge(first, ends["told"], ends["wanted"])
        self.head.back(ends["wanted"], told, spare["narrow"])
        slope.copy_(self.last.back(spare["narrow"]))
        for block in reversed(self.blocks):
            block.backward(slope, windows, spare)
        self.place_slopes += slope.view(windows, *self.places.shape).sum(0)
        self.symbol_slopes.index_add_(0, flat, slope)
