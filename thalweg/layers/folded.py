"""Several nets of one shape as one: their batches lie one after another, and each layer with weights gives every net its own.

Whatever treats each row by itself (activations, inputs side by side, losses) stays as it is, since it cannot tell whose row it
has before it. So a step of all nets is one pass through few large operations in place of one pass for each.

Letters: M nets, B rows of each, I inputs, O outputs of a layer.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.layers.dropped import Dropout


class _Products(torch.autograd.Function):
    """x W^T + b for each net, with slopes laid out as the weights are: products of transposed weights give them turned."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(M, B, I), (M, O, I) and (M, O) to (M, B, O)."""
        return torch.baddbmm(bias.unsqueeze(1), x, weight.mT)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:  # noqa: ANN401
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        below = torch.bmm(slope, weight) if ctx.needs_input_grad[0] else None
        return below, torch.bmm(slope.mT, x), slope.sum(1)


class FoldedLinear(nn.Module):
    """A dense layer of each net."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        biases: list[Any] = [one.bias for one in layers]
        self.weight = stacked([one.weight for one in layers])  # (M, O, I)
        self.bias = None if biases[0] is None else stacked(biases)  # (M, O)

    def forward(self, x: Tensor) -> Tensor:
        """(M B, ..., I) to (M B, ..., O)."""
        count, outputs, inputs = self.weight.shape
        apart = x.reshape(count, -1, inputs)
        if self.bias is None:
            answer = torch.bmm(apart, self.weight.mT)
        else:
            answer = _Products.apply(apart, self.weight, self.bias)
        return answer.view(*x.shape[:-1], outputs)


class FoldedDropout(nn.Module):
    """Dropout whose draws are each net's own, as the net alone would draw them.

    Attributes:
        generators: of each net, shared by all its layers; seeded before each step.
    """

    def __init__(self, layers: Sequence[nn.Dropout]) -> None:
        super().__init__()
        self.probability = layers[0].p
        self.generators: Sequence[torch.Generator] = ()

    def forward(self, x: Tensor) -> Tensor:
        """(M B, ...) to its shape; each number is dropped by itself."""
        if not self.training or self.probability == 0:
            return x
        kept = torch.empty_like(x)
        for own, generator in zip(kept.chunk(len(self.generators)), self.generators, strict=True):
            own.bernoulli_(1 - self.probability, generator=generator)
        return x * kept.div_(1 - self.probability)


FOLDED: Mapping[type[nn.Module], Callable[[Any], nn.Module]] = {
    nn.Linear: FoldedLinear,
    nn.Dropout: FoldedDropout,
    Dropout: FoldedDropout,
}
"""The layers that have weights or draw, and can be those of several nets at once."""


def stacked(weights: Sequence[Tensor]) -> nn.Parameter:
    """The weights of all nets as one (M, ...)."""
    return nn.Parameter(torch.stack([one.detach() for one in weights]), requires_grad=weights[0].requires_grad)


def folded(nets: Sequence[nn.Module]) -> nn.Module | None:
    """One net of several of one shape, for batches (M B, ...), by the same names; None where a layer cannot be folded."""
    whole = nn.ModuleDict({"net": copy.deepcopy(nets[0])})
    for name, layer in list(whole.named_modules()):
        own = name.partition(".")[2]
        if type(layer) in FOLDED:
            whole.set_submodule(name, FOLDED[type(layer)]([one.get_submodule(own) for one in nets]).train(layer.training))
        elif _holds(layer):
            return None
    one = {name: (len(nets), *weight.shape) for name, weight in nets[0].named_parameters()}
    net = whole["net"]
    return net if {name: tuple(weight.shape) for name, weight in net.named_parameters()} == one else None


def _holds(layer: nn.Module) -> bool:
    """The layer has weights or buffers beside those of the layers within it."""
    return next(layer.parameters(recurse=False), None) is not None or next(layer.buffers(recurse=False), None) is not None
