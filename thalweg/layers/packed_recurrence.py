"""A GRU over the real positions of padded rows alone, with gradients worked out by hand.

Rows are sorted by length, and each step reads those that go on: a batch of sentences is half padding, which torch's layer reads
too. What needs no order is done for all steps at once, so that a step takes one product of matrices and few operations. For
LSTM there is none: torch's, by oneDNN, was faster on two threads even where half is padding (LOG.md).

Reference: Cho et al. 2014, arXiv:1406.1078, eq. 5-8, in torch's form: the reset gate acts after the product.

Letters: B batch, T time, C features in, H units, N real positions, step after step, n of them at a step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

through_sigmoid, through_tanh = torch.ops.aten.sigmoid_backward, torch.ops.aten.tanh_backward
"""A gradient before a sigmoid (tanh), of that after it and of the answer."""


@dataclass(frozen=True)
class Reading:
    """In which order padded rows are read.

    Attributes:
        places: (N,) of each real position, where it stands in the flattened rows, B T of them.
        before: (N,) which of the N was read before it in its row; of the first ones any.
        counts: rows that each step reads, ever fewer.
    """

    places: Tensor
    before: Tensor
    counts: list[int]

    @staticmethod
    def of(mask: Tensor, *, backwards: bool) -> "Reading":
        """Of rows whose real positions, those that the mask (B, T) shows, come first."""
        lengths, order = mask.sum(1).sort(descending=True, stable=True)
        time = torch.arange(mask.shape[1], device=mask.device)
        step, sorted_row = (time[:, None] < lengths).nonzero(as_tuple=True)  # (N,), (N,): step after step
        counts = (time[:, None] < lengths).sum(1)
        first = counts.cumsum(0) - counts  # of each step, among the N
        position = lengths[sorted_row] - 1 - step if backwards else step
        places = order[sorted_row] * mask.shape[1] + position
        return Reading(places, first[(step - 1).clamp(min=0)] + sorted_row, [n for n in counts.tolist() if n])

    def steps(self) -> Iterator[tuple[slice, slice]]:
        """Which of the N each step reads, and those of the step before in the same rows; of the first step its own."""
        former, begin = 0, 0
        for count in self.counts:
            yield slice(begin, begin + count), slice(former, former + count)
            former, begin = begin, begin + count

    def former(self, values: Tensor) -> Tensor:
        """What stood at the position before (N, H), of what stands at each (N, H); zeros before the first."""
        found = values.index_select(0, self.before)
        found[: self.counts[0]] = 0.0
        return found


def read_packed(gru: nn.GRU, x: Tensor, mask: Tensor, *, backwards: bool = False) -> Tensor:
    """States (B, T, H) of a GRU at the real positions of x (B, T, C), zeros elsewhere.

    Args:
        gru: of one layer and one direction.
        mask: bool (B, T), True for real positions, which come first.
        backwards: each row is read from its end.
    """
    reading = Reading.of(mask, backwards=backwards)
    states = x.new_zeros(mask.numel(), gru.hidden_size)
    if reading.counts:
        into, across, into_bias, across_bias = gru.all_weights[0]
        given = linear(x.flatten(0, 1).index_select(0, reading.places), into, into_bias)
        read = _Gru.apply(given, across, across_bias, reading)
        states = states.index_copy(0, reading.places, read)
    return states.view(*mask.shape, -1)


class _Gru(torch.autograd.Function):
    """What the inputs give to the gates (N, 3 H), reset, keep and new as torch orders them, to states (N, H)."""

    @staticmethod
    def forward(ctx: Any, given: Tensor, weight: Tensor, bias: Tensor, reading: Reading) -> Tensor:  # noqa: ANN401
        units, turned = weight.shape[1], weight.t()
        gates, heard = torch.empty_like(given), torch.empty_like(given)
        states = given.new_empty(len(given), units)
        start = given.new_zeros(reading.counts[0], units)
        for now, former in reading.steps():
            before = states[former] if now.start else start
            gate, new = gates[now, : 2 * units], gates[now, 2 * units :]
            torch.addmm(bias, before, turned, out=heard[now])
            torch.add(given[now, : 2 * units], heard[now, : 2 * units], out=gate).sigmoid_()
            torch.addcmul(given[now, 2 * units :], gate[:, :units], heard[now, 2 * units :], out=new).tanh_()
            torch.lerp(new, before, gate[:, units:], out=states[now])
        ctx.save_for_backward(weight, gates, heard[:, 2 * units :], states)
        ctx.reading = reading
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # noqa: ANN401
        weight, gates, heard, states = ctx.saved_tensors
        reading: Reading = ctx.reading
        reset, kept, new = gates.chunk(3, 1)
        before = reading.former(states)
        of_new = through_tanh(1 - kept, new)
        of_reset = of_new * through_sigmoid(heard, reset)
        of_state = torch.stack([of_reset, through_sigmoid(before - new, kept), of_new * reset, of_new], 1)  # (N, 4, H)
        slopes = torch.empty_like(of_state)  # of r, z, and n before and after the reset
        state = slope.new_zeros(reading.counts[0], weight.shape[1])
        for now, _ in reversed(list(reading.steps())):
            later = state[: now.stop - now.start]
            state_now = slope[now] + later
            torch.mul(state_now[:, None], of_state[now], out=slopes[now])
            torch.mm(slopes[now, :3].flatten(1), weight, out=later).addcmul_(state_now, kept[now])
        of_heard = slopes[:, :3].flatten(1)
        return slopes[:, [0, 1, 3]].flatten(1), of_heard.t() @ before, of_heard.sum(0), None
