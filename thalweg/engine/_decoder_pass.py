"""Decoders of text forwards and backwards by hand: kept memory, no graph, slopes added where the optimizer reads them.

Differentiated by torch, a block makes each of its tensors anew. Here what no way back needs is written over by the next block,
and no view of memory is made twice.

Products may be taken in bfloat16. Then what lies between two of them is in it too, rounded where `torch.autocast` rounds; the
sum that all blocks add to, normalisations, losses and what is learned stay as they are.

Letters: B windows at a time, T places, N = B T, D width, H heads, d = D / H, I units of a perceptron, V symbols.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from thalweg.engine._dense_layers import ACTIVATIONS, Activation
from thalweg.engine._multiplied import multiplication
from thalweg.layers.normalisation import LayerNorm
from thalweg.models.transformer import Block, Decoder

Views = Mapping[int, tuple[Tensor, Tensor]]
"""By the `id` of a parameter: where it lies, and where its slope belongs."""


@dataclass(frozen=True)
class Learned:
    """Where all that is learned lies, and where its slopes belong.

    Attributes:
        held: as the rule holds it.
        multiplied: as products read it, which may be rounded; the slopes are the same memory.
    """

    held: Views
    multiplied: Views


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
    """y = x W^T, with W (O, I), all in one type; what y is added to, and the slope by W, may be of a longer one."""

    def __init__(self, linear: nn.Linear, learned: Learned) -> None:
        self.weight, self.slope = learned.multiplied[id(linear.weight)]
        self.turned = self.weight.t()
        self.multiply = multiplication(self.weight)
        self.fused = self.multiply is torch.mm and self.weight.dtype == self.slope.dtype

    def __call__(self, x: Tensor, out: Tensor) -> None:
        """Write y (N, O) of x (N, I)."""
        self.multiply(x, self.turned, out=out)

    def added(self, x: Tensor, before: Tensor, out: Tensor) -> None:
        """Write y + before (N, O) of x (N, I)."""
        if self.fused:
            torch.addmm(before, x, self.turned, out=out)
        else:
            torch.add(before, self.multiply(x, self.turned), out=out)

    def back(self, slope: Tensor, x: Tensor, out: Tensor) -> None:
        """Add the slope by W, and write the one by x (N, I), from the one by y (N, O)."""
        if self.fused:
            self.slope.addmm_(slope.t(), x)
        else:
            self.slope.add_(self.multiply(slope.t(), x))
        self.multiply(slope, self.weight, out=out)


class Norm:
    """Layer normalisation, which keeps what its way back needs.

    Args:
        dtype: of what comes of it.
    """

    def __init__(self, norm: LayerNorm, learned: Learned, dtype: torch.dtype) -> None:
        self.shape, self.epsilon, self.dtype = list(norm.normalized_shape), norm.eps, dtype
        self.scale, self.shift = Held.of(norm.weight, learned.held), Held.of(norm.bias, learned.held)
        self.wanted = [True, norm.elementwise_affine, norm.elementwise_affine]

    @staticmethod
    def of(norm: nn.Module, learned: Learned, dtype: torch.dtype) -> "Norm":
        assert isinstance(norm, LayerNorm)
        return Norm(norm, learned, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """(N, D) of x (N, D)."""
        self.x = x
        y, self.mean, self.steepness = torch.native_layer_norm(
            x, self.shape, self.scale.weight, self.shift.weight, self.epsilon
        )
        return y.to(self.dtype)

    def back(self, slope: Tensor) -> Tensor:
        """The slope by x (N, D) from the one by what came of it; those by scale and shift are added."""
        slope = slope.to(self.x.dtype)
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
        others: types of those tensors that are not like the others, by name.
    """

    def __init__(
        self, shapes: Callable[[int], Mapping[str, Sequence[int]]], most: int, like: Tensor, **others: torch.dtype
    ) -> None:
        self.shapes = shapes
        sizes = {name: math.prod(shape) for name, shape in shapes(most).items()}
        self.memory = {name: like.new_empty(size, dtype=others.get(name, like.dtype)) for name, size in sizes.items()}
        self.cuts: dict[int, dict[str, Tensor]] = {}

    def cut(self, windows: int) -> dict[str, Tensor]:
        """Tensors for so many windows."""
        if windows not in self.cuts:
            shapes = self.shapes(windows).items()
            self.cuts[windows] = {name: self.memory[name][: math.prod(shape)].view(shape) for name, shape in shapes}
        return self.cuts[windows]


class AttentionPass:
    """Heads that look at each other's places, for so many windows; all views of kept memory are made once.

    Every product is one call over heads and windows: what was read is laid out head by head first, which costs less than a call
    for each head.

    Args:
        read: (N, 3 D) what places read; in its place comes the slope by it.
        taken: (N, D) for what places take up.
        slope: (N, D) the slope by that.
        parts: (3, H, B, T, d) for queries, keys and values.
        shares: (H, B, T, T) for how much each place takes of each.
        mixed: (3, H, B, T, d) for what no way back needs.
        by_shares: (H, B, T, T) for slopes by shares.
        hidden: (T, T) minus infinity where a place lies ahead.
    """

    def __init__(
        self,
        read: Tensor,
        taken: Tensor,
        slope: Tensor,
        *,
        parts: Tensor,
        shares: Tensor,
        mixed: Tensor,
        by_shares: Tensor,
        hidden: Tensor,
    ) -> None:
        _, heads, windows, places, _ = parts.shape
        self.hidden, self.scale = hidden, 1.0 / math.sqrt(parts.shape[-1])
        self.parts, self.read = parts, read.view(windows, places, 3, heads, -1).permute(2, 3, 0, 1, 4)  # (3, H, B, T, d)
        self.taken, self.slope = (one.view(windows, places, heads, -1).permute(2, 0, 1, 3) for one in (taken, slope))
        self.mixed, self.first = mixed, mixed[0]
        self.query, self.key, self.value = parts.flatten(1, 2).unbind(0)  # (H B, T, d)
        self.shares, self.by_shares = shares.flatten(0, 1), by_shares.flatten(0, 1)  # (H B, T, T)
        self.by_query, self.by_key, self.by_value = mixed.flatten(1, 2).unbind(0)
        turned = self.key, self.value, self.shares, self.by_shares
        self.key_turned, self.value_turned, self.shares_turned, self.by_shares_turned = (one.mT for one in turned)

    def forward(self) -> None:
        """Write what places take up, of what they read."""
        self.parts.copy_(self.read)
        torch.baddbmm(self.hidden, self.query, self.key_turned, alpha=self.scale, out=self.shares)
        torch._softmax(self.shares, -1, False, out=self.shares)
        torch.bmm(self.shares, self.value, out=self.by_query)
        self.taken.copy_(self.first)

    def backward(self) -> None:
        """Write the slope by what was read, from that by what was taken up."""
        self.first.copy_(self.slope)
        torch.bmm(self.by_query, self.value_turned, out=self.by_shares)
        torch.bmm(self.shares_turned, self.by_query, out=self.by_value)
        torch._softmax_backward_data(self.by_shares, self.shares, -1, self.shares.dtype, grad_input=self.by_shares)
        torch.baddbmm(self.by_query, self.by_shares, self.key, beta=0, alpha=self.scale, out=self.by_query)
        torch.baddbmm(self.by_key, self.by_shares_turned, self.query, beta=0, alpha=self.scale, out=self.by_key)
        self.read.copy_(self.mixed)


class BlockPass:
    """A block of a decoder, forwards and backwards, once it was laid out for a number of windows."""

    def __init__(self, block: Block, learned: Learned, places: int, most: int) -> None:
        self.heads, self.places = block.attention.heads, places
        inner, activation, outer, _ = block.perceptron
        assert isinstance(inner, nn.Linear)
        assert isinstance(outer, nn.Linear)
        self.activation: Activation = ACTIVATIONS[type(activation)](activation)
        self.read, self.write = Product(block.attention.read, learned), Product(block.attention.write, learned)
        self.inner, self.outer = Product(inner, learned), Product(outer, learned)
        self.width, self.units, self.dtype = inner.in_features, inner.out_features, self.read.weight.dtype
        norms = block.before_attention, block.before_perceptron
        self.first, self.second = (Norm.of(one, learned, self.dtype) for one in norms)
        whole = self.read.slope.dtype
        self.room = Room(self._kept, most, self.read.weight, middle=whole, end=whole)
        self.hidden = torch.full((places, places), -torch.inf, dtype=self.dtype).triu(1)
        self.laid: dict[int, tuple[dict[str, Tensor], AttentionPass]] = {}

    def _kept(self, windows: int) -> dict[str, tuple[int, ...]]:
        rows, width, units = windows * self.places, self.width, self.units
        per_head = self.heads, windows, self.places, width // self.heads
        return {"parts": (3, *per_head), "shares": (*per_head[:3], self.places), "taken": (rows, width)} | {
            "middle": (rows, width), "sums": (rows, units), "answers": (rows, units), "end": (rows, width)
        }  # fmt: skip

    def scratch(self, windows: int) -> dict[str, tuple[int, ...]]:
        """Shapes of what no way back needs, which all blocks share."""
        rows, per_head = windows * self.places, (self.heads, windows, self.places, self.width // self.heads)
        return {"mixed": (3, *per_head), "wide": (rows, self.units), "narrow": (rows, self.width)} | {
            "read": (rows, 3 * self.width), "by_shares": (*per_head[:3], self.places)
        }  # fmt: skip

    def lay(self, windows: int, spare: Mapping[str, Tensor]) -> None:
        """Take what comes next for so many windows.

        Args:
            spare: what all blocks share, the same for the same number of windows.
        """
        if windows not in self.laid:
            kept = self.room.cut(windows)
            attention = AttentionPass(
                spare["read"],
                kept["taken"],
                spare["narrow"],
                parts=kept["parts"],
                shares=kept["shares"],
                mixed=spare["mixed"],
                by_shares=spare["by_shares"],
                hidden=self.hidden,
            )
            self.laid[windows] = {**kept, **{name: spare[name] for name in ("read", "wide", "narrow")}}, attention
        self.kept, self.attention = self.laid[windows]

    def forward(self, x: Tensor) -> Tensor:
        """(N, D) of x (N, D)."""
        kept = self.kept
        self.begun = self.first(x)
        self.read(self.begun, kept["read"])
        self.attention.forward()
        self.write.added(kept["taken"], x, kept["middle"])
        self.looked = self.second(kept["middle"])
        self.inner(self.looked, kept["sums"])
        self.activation.forward(kept["sums"], kept["answers"])
        self.outer.added(kept["answers"], kept["middle"], kept["end"])
        return kept["end"]

    def backward(self, slope: Tensor) -> None:
        """Turn the slope by what came out (N, D) into the one by what went in, in place."""
        kept = self.kept
        self.outer.back(slope.to(self.dtype), kept["answers"], kept["wide"])
        self.activation.backward(kept["wide"], kept["sums"], kept["answers"])
        self.inner.back(kept["wide"], self.looked, kept["narrow"])
        slope += self.second.back(kept["narrow"])
        self.write.back(slope.to(self.dtype), kept["taken"], kept["narrow"])
        self.attention.backward()
        self.read.back(kept["read"], self.begun, kept["narrow"])
        slope += self.first.back(kept["narrow"])


class DecoderPass:
    """A whole decoder on windows of one length.

    Args:
        most: windows that go through it at a time, at most.
    """

    def __init__(self, model: Decoder, learned: Learned, places: int, most: int) -> None:
        assert model.places is not None
        self.most = most
        self.symbols, self.symbol_slopes = learned.held[id(model.symbols.weight)]
        weight, slopes = learned.held[id(model.places.weight)]
        self.places, self.place_slopes = weight[:places], slopes[:places]
        self.blocks = [BlockPass(one, learned, places, most) for one in model.blocks if isinstance(one, Block)]
        self.head = Product(model.head, learned)
        self.dtype = low = self.head.weight.dtype
        self.last = Norm.of(model.last, learned, low)
        width, told = self.symbols.shape[1], len(self.head.weight)
        ends = {"begun": width, "slope": width, "told": told, "wanted": told}
        self.ends = Room(
            lambda count: {name: (count * places, one) for name, one in ends.items()}, most, self.symbols, told=low
        )
        self.spare = Room(self.blocks[0].scratch, most, self.head.weight)
        self.cut: dict[int, tuple[dict[str, Tensor], dict[str, Tensor]]] = {}

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
        if windows not in self.cut:
            self.cut[windows] = self.ends.cut(windows), self.spare.cut(windows)
        ends, spare = self.cut[windows]
        x, slope = torch.index_select(self.symbols, 0, flat, out=ends["begun"]), ends["slope"]
        x.view(windows, *self.places.shape).add_(self.places)
        for block in self.blocks:
            block.lay(windows, spare)
            x = block.forward(x)
        told = self.last(x)
        self.head(told, ends["told"])
        judge(first, ends["told"].to(self.symbols.dtype), ends["wanted"])
        self.head.back(ends["wanted"].to(self.dtype), told, spare["narrow"])
        slope.copy_(self.last.back(spare["narrow"]))
        for block in reversed(self.blocks):
            block.backward(slope)
        self.place_slopes += slope.view(windows, *self.places.shape).sum(0)
        self.symbol_slopes.index_add_(0, flat, slope)
