"""Chains of dense layers, forwards and backwards by hand in memory that is kept: no graph, nothing made per step.

Letters: B rows of a batch, I inputs, O outputs of a layer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.engine._usual import altered
from thalweg.layers.joined import Joined
from thalweg.layers.linear_stack import LinearStack
from thalweg.layers.normalisation import Unnormalised
from thalweg.models.lenet import LeNet5
from thalweg.models.perceptron import MultilayerPerceptron

aten = torch.ops.aten


@dataclass(frozen=True)
class Activation:
    """What a unit answers, and what that makes of a slope.

    Attributes:
        forward: writes the answers to sums (B, O) into a tensor of that shape.
        backward: turns the slope by the answers into that by the sums, in place, from both.
    """

    forward: Callable[[Tensor, Tensor], Any]
    backward: Callable[[Tensor, Tensor, Tensor], Any]


def _gelu(module: nn.Module) -> Activation:
    approximate = str(module.approximate)
    return Activation(
        lambda z, out: aten.gelu.out(z, approximate=approximate, out=out),
        lambda slope, z, y: aten.gelu_backward.grad_input(slope, z, approximate=approximate, grad_input=slope),
    )


RELU = Activation(
    lambda z, out: torch.clamp_min(z, 0.0, out=out),
    lambda slope, z, y: aten.threshold_backward.grad_input(slope, y, 0.0, grad_input=slope),
)
TANH = Activation(
    lambda z, out: torch.tanh(z, out=out),
    lambda slope, z, y: aten.tanh_backward.grad_input(slope, y, grad_input=slope),
)
SIGMOID = Activation(
    lambda z, out: torch.sigmoid(z, out=out),
    lambda slope, z, y: aten.sigmoid_backward.grad_input(slope, y, grad_input=slope),
)
SILU = Activation(
    lambda z, out: aten.silu.out(z, out=out),
    lambda slope, z, y: aten.silu_backward.grad_input(slope, z, grad_input=slope),
)
ACTIVATIONS: Mapping[type[nn.Module], Callable[[nn.Module], Activation]] = {
    nn.ReLU: lambda module: RELU,
    nn.Tanh: lambda module: TANH,
    nn.Sigmoid: lambda module: SIGMOID,
    nn.SiLU: lambda module: SILU,
    nn.GELU: _gelu,
}


@dataclass(frozen=True)
class Link:
    """A dense layer of a chain, and the activation that follows it, if any."""

    linear: nn.Linear
    activation: Activation | None


def links_of(model: nn.Module) -> list[Link] | None:
    """The layers of a model that is a chain of dense layers and nothing else, from flattened rows to the last layer's sums.

    Known are our own multilayer perceptron of one input and `nn.Sequential`; of any other class nobody can tell what its
    `forward` does besides. None: it is no such chain, or something listens in it.
    """
    modules = in_order(model)
    return links_among(modules, model) if modules is not None else None


def links_among(modules: Sequence[nn.Module], model: nn.Module) -> list[Link] | None:
    """The layers of modules called one after the other, where they are all that a model has to learn; None elsewhere."""
    links = linked(modules)
    whole = sum(one.numel() for one in model.parameters()) == sum(
        one.numel() for link in links or () for one in link.linear.parameters()
    )
    return links if whole else None


def linked(modules: Sequence[nn.Module]) -> list[Link] | None:
    """The layers of modules called one after the other, the first of them on flattened rows; None: others are among them."""
    links: list[Link] = []
    for module in modules:
        if type(module) is nn.Linear:
            links.append(Link(module, None))
        elif type(module) in ACTIVATIONS and links and links[-1].activation is None:
            links[-1] = Link(links[-1].linear, ACTIVATIONS[type(module)](module))
        elif not _does_nothing(module):
            return None
    return links if links and links[-1].activation is None else None


def in_order(model: nn.Module) -> list[nn.Module] | None:
    """The modules that are called one after the other; None where that cannot be told, or something listens in them."""
    return None if any(altered(module) for module in model.modules()) else _in_order(model)


def _in_order(model: nn.Module) -> list[nn.Module] | None:
    if type(model) is LeNet5:
        return [*model.trunk, *model.dense, model.head]
    if type(model) is nn.Sequential:
        inner = [_in_order(one) if isinstance(one, nn.Sequential) else [one] for one in model]
        return None if None in inner else [module for several in inner if several is not None for module in several]
    stacked = stacked_in(model)
    if stacked is None:
        return None
    ports = stacked[0].ports
    if len(ports) != 1 or ports[0].size is not None or ports[0].sizes:
        return None
    return [nn.Flatten(), *stacked[1]]


def stacked_in(model: nn.Module) -> tuple[Joined, list[nn.Module]] | None:
    """What puts the inputs of our own multilayer perceptron side by side, and what is called after it; None for others."""
    if type(model) is not MultilayerPerceptron or type(model.hidden) is not LinearStack:
        return None
    if any(altered(module) for module in model.modules()):
        return None
    return model.joined, [*(part for dense in model.hidden.layers for part in dense.children()), model.head]


def _does_nothing(module: nn.Module) -> bool:
    """It leaves rows that lie flat as they are."""
    flattens = type(module) is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1)
    return flattens or type(module) in (nn.Identity, Unnormalised)


@dataclass(frozen=True)
class Layer:
    """A dense layer as views of flat memory: its weight (O, I), its bias (O,) or none, and their slopes."""

    weight: Tensor
    bias: Tensor | None
    weight_slope: Tensor
    bias_slope: Tensor | None
    activation: Activation | None


def layers_of(links: Sequence[Link], views: Mapping[int, tuple[Tensor, Tensor]]) -> list[Layer]:
    """The layers of a chain where their weights lie, and their slopes.

    Args:
        views: by the `id` of each parameter.
    """
    return [_layer(link, views) for link in links]


def _layer(link: Link, views: Mapping[int, tuple[Tensor, Tensor]]) -> Layer:
    weight, weight_slope = views[id(link.linear.weight)]
    bias, bias_slope = views.get(id(link.linear.bias), (None, None))
    return Layer(weight, bias, weight_slope, bias_slope, link.activation)


class Pass:
    """Forward and backward through a chain for batches of so many rows.

    Attributes:
        inputs: (B, I) what it reads; filled in by whoever calls, or given.
        slope: (B, O) the slope of the loss by the last layer's sums; filled in between `forward` and `backward`.
    """

    def __init__(self, layers: Sequence[Layer], rows: int, inputs: Tensor | None = None) -> None:
        like = layers[0].weight
        self.layers = layers
        self.inputs = like.new_empty(rows, like.shape[1]) if inputs is None else inputs
        self.sums = [like.new_empty(rows, len(layer.weight)) for layer in layers]
        self.answers = [torch.empty_like(z) if layer.activation else z for layer, z in zip(layers, self.sums, strict=True)]
        self.slopes = [torch.empty_like(z) for z in self.sums]
        self._prepare()

    def cut(self, rows: int) -> "Pass":
        """The same memory for batches of fewer rows."""
        part = object.__new__(Pass)
        part.layers, part.inputs = self.layers, self.inputs[:rows]
        part.sums = [z[:rows] for z in self.sums]
        part.answers = [y[:rows] for y in self.answers]
        part.slopes = [slope[:rows] for slope in self.slopes]
        part._prepare()
        return part

    def _prepare(self) -> None:
        """Put together once what each layer reads and writes, views and transposes included."""
        self.slope, self.ones = self.slopes[-1], self.inputs.new_ones(len(self.inputs))
        self.read = [self.inputs, *self.answers[:-1]]
        self.forwards = [
            (layer.bias, layer.weight.t(), layer.activation, x, z, y)
            for layer, x, z, y in zip(self.layers, self.read, self.sums, self.answers, strict=True)
        ]
        below = [None, *zip(self.layers, self.slopes, self.sums, self.answers, strict=True)]
        self.backwards = [
            (layer, slope, slope.t(), x, under)
            for layer, slope, x, under in zip(self.layers, self.slopes, self.read, below[:-1], strict=True)
        ][::-1]

    def forward(self) -> Tensor:
        """The last layer's sums (B, O)."""
        for bias, weight, activation, x, z, y in self.forwards:
            if bias is None:
                torch.mm(x, weight, out=z)
            else:
                torch.addmm(bias, x, weight, out=z)
            if activation is not None:
                activation.forward(z, y)
        return self.sums[-1]

    def backward(self) -> None:
        """The slopes by all weights and biases, from that by the last layer's sums."""
        for layer, slope, transposed, x, under in self.backwards:
            torch.mm(transposed, x, out=layer.weight_slope)
            if layer.bias_slope is not None:
                torch.mv(transposed, self.ones, out=layer.bias_slope)
            if under is not None:
                lower, lower_slope, z, y = under
                torch.mm(slope, layer.weight, out=lower_slope)
                if lower.activation is not None:
                    lower.activation.backward(lower_slope, z, y)
