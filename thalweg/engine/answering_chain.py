"""A multilayer perceptron that only answers: its layers one after the other in memory that each thread keeps.

Answers are those of the model itself up to rounding (products with their biases added, written where the last batch's lay).
Matrix products of a thousand rows and a hundred units take as long as what surrounds them in a module's call. What an input is
scaled by is taken over into the first layer's weights, so that it is read as it lies.

Letters: B rows of a batch, I inputs side by side, O outputs of a layer.
"""

import threading
from collections.abc import Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from thalweg.engine._dense_layers import Activation, Link, links_among, stacked_in
from thalweg.engine._multiplied import multiplication
from thalweg.fields.straight import Straight
from thalweg.layers.joined import Joined, columns_of, sizes_of

NARROW = 32
"""Outputs of the last layer up to which they are reckoned as columns: products of few columns take three times as long."""


class AnsweringChain:
    """Called as the model is, with its inputs by name; for models at rest on a CPU, where nothing is differentiated.

    Args:
        straight: by name, inputs that are given as they lie, with what they are scaled by.
    """

    def __init__(self, joined: Joined, links: Sequence[Link], straight: Mapping[str, Straight]) -> None:
        self.ports = joined.ports
        ends = list(accumulate(joined.widths))
        self.places = [slice(end - width, end) for end, width in zip(ends, joined.widths, strict=True)]
        self.layers: list[tuple[Tensor | None, Tensor, Activation | None]] = [
            (_at_rest(one.linear.bias), one.linear.weight.detach().t(), one.activation) for one in links
        ]
        if any(one.factor is not None for one in straight.values()):
            self._scale(straight)
        self.multiply = multiplication(self.layers[0][1])
        self._own = threading.local()

    @classmethod
    def of(cls, model: nn.Module, straight: Mapping[str, Straight] | None = None) -> "AnsweringChain | None":
        """None where the model is no such chain, or something listens in it."""
        stacked = stacked_in(model)
        links = links_among(stacked[1], model) if stacked is not None else None
        return cls(stacked[0], links, straight or {}) if stacked is not None and links is not None else None

    def _scale(self, straight: Mapping[str, Straight]) -> None:
        """Take what inputs are scaled by over into the first layer: its weights in their places, and its bias."""
        bias, weight, activation = self.layers[0]  # (O,), (I, O)
        factor, offset = torch.ones(len(weight), dtype=torch.float64), torch.zeros(len(weight), dtype=torch.float64)
        for port, place in zip(self.ports, self.places, strict=True):
            one = straight.get(port.name)
            if one is not None and one.factor is not None and one.offset is not None:
                factor[place], offset[place] = torch.from_numpy(one.factor), torch.from_numpy(one.offset)
        moved = offset @ weight.double()
        moved = moved if bias is None else moved.add_(bias)
        self.layers[0] = moved.to(weight.dtype), weight * factor[:, None].to(weight.dtype), activation

    def __call__(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port), which is the caller's own."""
        kept = self._kept(next(iter(inputs.values())))
        x = self._joined(inputs, kept[0])
        for (bias, weight, activation), memory in zip(self.layers[:-1], kept[1:], strict=True):
            x = self._summed(x, weight, bias, memory[: len(x)])
            if activation is not None:
                activation.forward(x, x)
        bias, weight, _ = self.layers[-1]
        if weight.shape[1] <= NARROW:
            return (torch.mm(weight.t(), x.t()) if bias is None else torch.addmm(bias[:, None], weight.t(), x.t())).t()
        return torch.mm(x, weight) if bias is None else torch.addmm(bias, x, weight)

    def _summed(self, x: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> Tensor:
        """The sums (B, O) of a layer's units from what they read (B, I), written into `out` or anew."""
        if self.multiply is not torch.mm:
            sums = self.multiply(x, weight)
            return sums if bias is None else sums.add_(bias)
        return torch.mm(x, weight, out=out) if bias is None else torch.addmm(bias, x, weight, out=out)

    def _joined(self, inputs: Mapping[str, Tensor], memory: Tensor) -> Tensor:
        """All inputs side by side (B, I): an only one as it lies, where that can be read; codes as one-hot columns."""
        read = [inputs[port.name] for port in self.ports]
        if len(read) == 1 and read[0].dtype == memory.dtype and not sizes_of(self.ports[0]):
            return read[0].flatten(1)
        x = memory[: len(read[0])]
        for port, place, value in zip(self.ports, self.places, read, strict=True):
            if sizes_of(port):
                x[:, place] = 0.0
                x.scatter_(1, columns_of(port, value) + place.start, 1.0)
            else:
                x[:, place] = value.flatten(1)
        return x

    def _kept(self, like: Tensor) -> list[Tensor]:
        """This thread's memory (at least B, I or O) for the inputs side by side and the answers of all layers but the last."""
        kept: tuple[int, list[Tensor]] = getattr(self._own, "kept", (-1, []))
        if len(like) > kept[0]:
            weights = [weight for _, weight, _ in self.layers]
            kept = len(like), [weight.new_empty(len(like), len(weight)) for weight in weights]
            self._own.kept = kept
        return kept[1]


def _at_rest(bias: Tensor | None) -> Tensor | None:
    return None if bias is None else bias.detach()
