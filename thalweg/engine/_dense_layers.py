"""Chains of dense layers, forwards and backwards by hand in memory that is kept: no graph, nothing made per step.

Letters: B rows of a batch, I inputs, O outputs of a layer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.engine._multiplied import LEAST, by_onednn, multiplication
from thalweg.engine._usual import altered
from thalweg.layers.joined import Joined
from thalweg.layers.linear_stack import LinearStack
from thalweg.layers.normalisation import Unnormalised
from thalweg.models.lenet import LeNet5
from thalweg.models.perceptron import MultilayerPerceptron

aten = torch.ops.aten
Views = Mapping[int, tuple[Tensor, Tensor]]
"""By the `id` of a parameter: where it lies, and where its slope belongs."""
ROUNDED = 2**20
"""Rows of a batch times weights of a layer from which bfloat16 gains more than its products cost at least (LOG.md)."""


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
    """A dense layer as views of flat memory: its weight (O, I), its bias (O,) or none, and their slopes.

    Weight and bias may be rounded copies, of a shorter type than the slopes; then products write what is of that type too.
    """

    weight: Tensor
    bias: Tensor | None
    weight_slope: Tensor
    bias_slope: Tensor | None
    activation: Activation | None


def layers_of(links: Sequence[Link], views: Views, rounded: Views | None = None) -> list[Layer]:
    """The layers of a chain where their weights lie, and their slopes.

    Args:
        rounded: of those parameters that products read rounded.
    """
    read = {**views, **(rounded or {})}
    return [_layer(link, views, read) for link in links]


def _layer(link: Link, views: Views, read: Views) -> Layer:
    weight, bias = link.linear.weight, link.linear.bias
    if bias is None:
        return Layer(read[id(weight)][0], None, views[id(weight)][1], None, link.activation)
    return Layer(read[id(weight)][0], read[id(bias)][0], views[id(weight)][1], views[id(bias)][1], link.activation)


def worth_rounding(links: Sequence[Link], views: Views, rows: int) -> Views:
    """Of views of rounded parameters, those of the layers whose products on so many rows gain by it."""
    large = [link.linear for link in links if rows * link.linear.weight.numel() >= ROUNDED]
    return {id(one): views[id(one)] for linear in large for one in linear.parameters()}


class Pass:
    """Forward and backward through a chain for batches of so many rows.

    Where a layer's weights are rounded, so are what it reads and answers, and the slopes by that, as under `torch.autocast`;
    those by weights and biases end in the type that the optimizer reads.

    Attributes:
        inputs: (B, I) what it reads; filled in by whoever calls, in the type of the first layer's weights; or given, in any.
        slope: (B, O) the slope of the loss by the last layer's sums, in the type of slopes; filled in between `forward` and
            `backward`.
    """

    def __init__(self, layers: Sequence[Layer], rows: int, inputs: Tensor | None = None) -> None:
        like, types = layers[0].weight, [layer.weight.dtype for layer in layers]
        whole = layers[0].weight_slope.dtype
        self.layers = layers
        self.inputs = like.new_empty(rows, like.shape[1]) if inputs is None else inputs
        self.sums = [layer.weight.new_empty(rows, len(layer.weight)) for layer in layers]
        self.answers = [torch.empty_like(z) if layer.activation else z for layer, z in zip(layers, self.sums, strict=True)]
        self.slopes = [torch.empty_like(z) for z in self.sums]
        self.read = list(map(_of_type, [self.inputs, *self.answers[:-1]], types))
        self.passed = list(map(_of_type, self.slopes, [*types[1:], whole]))  # what the layer above, or the loss, tells each
        self.slope, self.told = self.passed[-1], _of_type(self.sums[-1], whole)
        self.written = [_of_type(layer.weight_slope, one) for layer, one in zip(layers, types, strict=True)]
        self.wide = [_better_by_onednn(layer.weight, rows) for layer in layers]
        self._prepare()

    def cut(self, rows: int) -> "Pass":
        """The same memory for batches of fewer rows."""
        part, cut = object.__new__(Pass), dict[int, Tensor]()

        def first(one: Tensor) -> Tensor:
            return cut.setdefault(id(one), one[:rows])  # what was one tensor stays one

        part.layers, part.written, part.wide = self.layers, self.written, self.wide
        part.inputs, part.slope, part.told = map(first, (self.inputs, self.slope, self.told))
        part.sums, part.answers, part.slopes, part.read, part.passed = (
            list(map(first, several)) for several in (self.sums, self.answers, self.slopes, self.read, self.passed)
        )
        part._prepare()
        return part

    def _prepare(self) -> None:
        """Put together once what each layer reads and writes, views and transposes included."""
        self.ones = self.slope.new_ones(len(self.inputs))
        lower = [self.inputs, *self.answers[:-1]]
        self.forwards = [
            (layer.bias, layer.weight.t(), layer.activation, wide, below, x, z, y)
            for layer, wide, below, x, z, y in zip(
                self.layers, self.wide, lower, self.read, self.sums, self.answers, strict=True
            )
        ]
        told = zip(self.layers, self.passed, self.slopes, self.sums, self.answers, strict=True)
        self.backwards = [
            (layer, by_onednn if wide else torch.mm, passed, slope, slope.t(), z, y, x, written, under)
            for (layer, passed, slope, z, y), wide, x, written, under in zip(
                told, self.wide, self.read, self.written, [None, *self.passed[:-1]], strict=True
            )
        ][::-1]

    def forward(self) -> Tensor:
        """The last layer's sums (B, O), in the type of slopes."""
        for bias, weight, activation, wide, below, x, z, y in self.forwards:
            if x is not below:
                x.copy_(below)
            if wide:
                by_onednn(x, weight, bias=bias, out=z)
            elif bias is None:
                torch.mm(x, weight, out=z)
            else:
                torch.addmm(bias, x, weight, out=z)
            if activation is not None:
                activation.forward(z, y)
        return self.told if self.told is self.sums[-1] else self.told.copy_(self.sums[-1])

    def backward(self) -> None:
        """The slopes by all weights and biases, from that by the last layer's sums."""
        for layer, multiply, passed, slope, transposed, z, y, x, written, under in self.backwards:
            if slope is not passed:
                slope.copy_(passed)
            if layer.activation is not None:
                layer.activation.backward(slope, z, y)
            multiply(transposed, x, out=written)
            if written is not layer.weight_slope:
                layer.weight_slope.copy_(written)
            if layer.bias_slope is not None and slope.dtype == self.ones.dtype:
                torch.mv(transposed, self.ones, out=layer.bias_slope)
            elif layer.bias_slope is not None:
                torch.sum(slope, 0, dtype=self.ones.dtype, out=layer.bias_slope)
            if under is not None:
                multiply(slope, layer.weight, out=under)


def _better_by_onednn(weight: Tensor, rows: int) -> bool:
    return rows * weight.numel() >= LEAST and multiplication(weight) is not torch.mm


def _of_type(one: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor itself where it is of that type, else memory for a copy that is."""
    return one if one.dtype == dtype else torch.empty_like(one, dtype=dtype)
