"""Initialisations: how weights are drawn before training, from one generator, the same on every device.

Each part is `fill(tensor, *, generator, settings) -> None`, in place, for a weight laid out (outputs, inputs, *kernel).
`initialise` applies one to a whole module; `zero_last` makes a residual branch start as the identity.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import initialisation, load, settings_of
from thalweg.core.settings import Settings

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def initialise(module: nn.Module, *, name: str, generator: torch.Generator, given: Mapping[str, Any] | None = None) -> None:
    """Draws the weights of all linear and convolutional layers inside, and sets their biases to zero.

    Layers are visited in the order of `module.modules()`. Numbers are drawn where the generator lives and then moved, so that
    one seed gives the same weights on every device.

    Args:
        name: an initialisation.
        given: its settings where they differ from the defaults.
    """
    fill, settings = load("initialisation", name), settings_of("initialisation", name, given)
    for layer in module.modules():
        if not isinstance(layer, WEIGHTED):
            continue
        with torch.no_grad():
            weight = layer.weight.transpose(0, 1) if isinstance(layer, TRANSPOSED) else layer.weight
            dtype = torch.promote_types(weight.dtype, torch.float32)
            drawn = torch.empty(weight.shape, dtype=dtype, device=generator.device)
            fill(drawn, generator=generator, settings=settings)
            weight.copy_(drawn)
            if layer.bias is not None:
                layer.bias.zero_()


def zero_last(branch: nn.Module) -> None:
    """Sets the last linear or convolutional layer of a residual branch to zero, so that its block starts as the identity.

    Raises:
        UsageRefusal: the branch holds no such layer.

    Reference: Zhang et al. 2019 (Fixup), arXiv:1901.09321; Goyal et al. 2017, arXiv:1706.02677, section 5.1.
    """
    layers = [layer for layer in branch.modules() if isinstance(layer, WEIGHTED)]
    if not layers:
        raise UsageRefusal(
            "LAYER_NO_WEIGHT",
            f"{type(branch).__name__} holds no linear or convolutional layer to set to zero",
            where=f"branch {type(branch).__name__}",
            why="a residual block starts as the identity only if its branch ends in one",
            fix="give the branch itself, not its activation or normalisation",
        )
    nn.init.zeros_(layers[-1].weight)
    if layers[-1].bias is not None:
        nn.init.zeros_(layers[-1].bias)


class UniformSettings(Settings):
    """Settings of the uniform initialisation."""

    bound: float = Field(0.05, gt=0.0, description="weights lie in [-bound, bound]")


@initialisation("uniform", settings=UniformSettings)
def uniform(tensor: Tensor, *, generator: torch.Generator, settings: UniformSettings) -> None:
    """Uniform between -bound and bound."""
    nn.init.uniform_(tensor, -settings.bound, settings.bound, generator=generator)


class NormalSettings(Settings):
    """Settings of the normal initialisation."""

    deviation: float = Field(0.02, gt=0.0, description="standard deviation")


@initialisation("normal", settings=NormalSettings)
def normal(tensor: Tensor, *, generator: torch.Generator, settings: NormalSettings) -> None:
    """Normal around zero."""
    nn.init.normal_(tensor, 0.0, settings.deviation, generator=generator)


class GlorotSettings(Settings):
    """Settings of the Glorot initialisations."""

    gain: float = Field(1.0, gt=0.0, description="factor on the standard deviation")


@initialisation("glorot-uniform", settings=GlorotSettings, paper="Glorot & Bengio 2010, AISTATS, eq. 16")
def glorot_uniform(tensor: Tensor, *, generator: torch.Generator, settings: GlorotSettings) -> None:
    """Uniform with variance gain^2 2 / (inputs + outputs)."""
    nn.init.xavier_uniform_(tensor, settings.gain, generator=generator)


@initialisation("glorot-normal", settings=GlorotSettings, paper="Glorot & Bengio 2010, AISTATS, eq. 12")
def glorot_normal(tensor: Tensor, *, generator: torch.Generator, settings: GlorotSettings) -> None:
    """Normal with variance gain^2 2 / (inputs + outputs)."""
    nn.init.xavier_normal_(tensor, settings.gain, generator=generator)


class HeSettings(Settings):
    """Settings of the He initialisations."""

    slope: float = Field(0.0, ge=0.0, description="slope of the rectifier for negative sums (leaky ReLU)")
    mode: Literal["inputs", "outputs"] = Field("inputs", description="keeps the variance of the answers, or of the gradients")


@initialisation("he-uniform", settings=HeSettings, paper="He et al. 2015, arXiv:1502.01852, eq. 15")
def he_uniform(tensor: Tensor, *, generator: torch.Generator, settings: HeSettings) -> None:
    """Uniform with variance 2 / ((1 + slope^2) inputs)."""
    mode: Literal["fan_in", "fan_out"] = "fan_in" if settings.mode == "inputs" else "fan_out"
    nn.init.kaiming_uniform_(tensor, settings.slope, mode, generator=generator)


@initialisation("he-normal", settings=HeSettings, paper="He et al. 2015, arXiv:1502.01852, eq. 15")
def he_normal(tensor: Tensor, *, generator: torch.Generator, settings: HeSettings) -> None:
    """Normal with variance 2 / ((1 + slope^2) inputs)."""
    mode: Literal["fan_in", "fan_out"] = "fan_in" if settings.mode == "inputs" else "fan_out"
    nn.init.kaiming_normal_(tensor, settings.slope, mode, generator=generator)


@initialisation("orthogonal", settings=GlorotSettings, paper="Saxe et al. 2014, arXiv:1312.6120")
def orthogonal(tensor: Tensor, *, generator: torch.Generator, settings: GlorotSettings) -> None:
    """A random matrix whose rows (or columns, whichever are fewer) are orthogonal and of length gain."""
    nn.init.orthogonal_(tensor, settings.gain, generator=generator)


class SparseSettings(Settings):
    """Settings of the sparse initialisation."""

    connections: int = Field(15, ge=1, description="weights other than zero into each unit; all where it has fewer inputs")
    gain: float = Field(1.0, gt=0.0, description="their standard deviation, times the square root of their number")


@initialisation("sparse", settings=SparseSettings, paper="Martens 2010, ICML, section 5")
def sparse(tensor: Tensor, *, generator: torch.Generator, settings: SparseSettings) -> None:
    """Normal for a fixed number of randomly chosen connections into each unit, zero for the others.

    The paper draws the chosen weights with deviation 1; here the sum of a unit's squares is gain^2 whatever their number.
    """
    with torch.no_grad():
        rows = tensor.zero_().view(tensor.shape[0], -1)  # (outputs, inputs)
        count = min(settings.connections, rows.shape[1])
        order = torch.rand(rows.shape, generator=generator, device=tensor.device).argsort(dim=1)
        chosen = torch.randn(rows.shape[0], count, generator=generator, device=tensor.device, dtype=tensor.dtype)
        rows.scatter_(1, order[:, :count], chosen * settings.gain / math.sqrt(count))


@initialisation("zero")
def zero(tensor: Tensor, *, generator: torch.Generator, settings: Settings) -> None:
    """All zero: right for a last layer, fatal for a hidden one, whose units would stay equal."""
    nn.init.zeros_(tensor)
