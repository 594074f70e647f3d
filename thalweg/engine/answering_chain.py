"""A multilayer perceptron that only answers: its layers one after the other in memory that each thread keeps.

Answers are those of the model itself up to rounding (products with their biases added, written where the last batch's lay).
Matrix products of a thousand rows and a hundred units take as long as what surrounds them in a module's call.

Letters: B rows of a batch, O outputs of a layer.
"""

import threading
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from thalweg.engine._dense_layers import Activation, Link, links_among, stacked_in
from thalweg.layers.joined import Joined


class AnsweringChain:
    """Called as the model is, with its inputs by name; for models at rest on a CPU, where nothing is differentiated."""

    def __init__(self, joined: Joined, links: Sequence[Link]) -> None:
        self.joined = joined
        self.layers: list[tuple[Tensor | None, Tensor, Activation | None]] = [
            (one.linear.bias, one.linear.weight.t(), one.activation) for one in links
        ]
        self._own = threading.local()

    @classmethod
    def of(cls, model: nn.Module) -> "AnsweringChain | None":
        """None where the model is no such chain, or something listens in it."""
        stacked = stacked_in(model)
        links = links_among(stacked[1], model) if stacked is not None else None
        return cls(stacked[0], links) if stacked is not None and links is not None else None

    def __call__(self, **inputs: Tensor) -> Tensor:
        """Inputs by their ports' names to the output (B, width of the output port), which is the caller's own."""
        x = self.joined(inputs)
        for (bias, weight, activation), kept in zip(self.layers[:-1], self._kept(x), strict=True):
            out = kept[: len(x)]
            x = torch.mm(x, weight, out=out) if bias is None else torch.addmm(bias, x, weight, out=out)
            if activation is not None:
                activation.forward(x, x)
        bias, weight, _ = self.layers[-1]
        return torch.mm(x, weight) if bias is None else torch.addmm(bias, x, weight)

    def _kept(self, x: Tensor) -> list[Tensor]:
        """This thread's memory for the answers (at least B, O) of all layers but the last."""
        kept: tuple[int, list[Tensor]] = getattr(self._own, "kept", (-1, []))
        if len(x) > kept[0]:
            kept = len(x), [x.new_empty(len(x), weight.shape[1]) for _, weight, _ in self.layers[:-1]]
            self._own.kept = kept
        return kept[1]
