"""Activations: what a unit answers to the weighted sum of its inputs.

Each is `build(settings) -> nn.Module`. Those that act on one number at a time keep shape, dtype and device; softmax and
log-softmax look along an axis and say so (`elementwise=False`). The step has no useful gradient and says so too.
"""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from thalweg.core.registry import activation
from thalweg.core.settings import Settings


@activation("identity")
def identity(settings: Settings) -> nn.Module:
    """A linear unit: x itself."""
    return nn.Identity()


class StepSettings(Settings):
    """Settings of the step."""

    low: float = Field(0.0, ge=-1.0, le=0.0, description="answer below the threshold: 0 for binary units, -1 for bipolar ones")


@activation("step", settings=StepSettings, differentiable=False, paper="McCulloch & Pitts 1943, doi:10.1007/BF02478259")
class Step(nn.Module):
    """1 where x >= 0 and `low` elsewhere: the threshold unit; its gradient is zero everywhere."""

    def __init__(self, settings: StepSettings) -> None:
        super().__init__()
        self.low = settings.low

    def forward(self, x: Tensor) -> Tensor:
        """Thresholded x, of the same shape and dtype; NaN stays NaN."""
        fired = torch.where(x >= 0, torch.ones_like(x), torch.full_like(x, self.low))
        return torch.where(x.isnan(), x, fired)


@activation("sigmoid")
def sigmoid(settings: Settings) -> nn.Module:
    """1 / (1 + exp(-x)), in (0, 1)."""
    return nn.Sigmoid()


@activation("tanh")
def tanh(settings: Settings) -> nn.Module:
    """The hyperbolic tangent, in (-1, 1)."""
    return nn.Tanh()


class HardTanhSettings(Settings):
    """Settings of the hard tanh."""

    low: float = Field(-1.0, description="smallest answer")
    high: float = Field(1.0, description="largest answer")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high}")
        return self


@activation("hard-tanh", settings=HardTanhSettings)
def hard_tanh(settings: HardTanhSettings) -> nn.Module:
    """Clips x to [low, high]."""
    return nn.Hardtanh(settings.low, settings.high)


@activation("relu", paper="Nair & Hinton 2010, ICML")
def relu(settings: Settings) -> nn.Module:
    """max(0, x)."""
    return nn.ReLU()


@activation("relu6", paper="Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10")
def relu6(settings: Settings) -> nn.Module:
    """max(0, x), at most 6."""
    return nn.ReLU6()


@activation("relu-squared", paper="So et al. 2021, arXiv:2109.08668")
class ReluSquared(nn.Module):
    """max(0, x)^2, as in Primer and in the transformers trained for speed."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """The squared positive part of x, of the same shape."""
        return functional.relu(x).square()


class LeakyReluSettings(Settings):
    """Settings of the leaky ReLU."""

    slope: float = Field(0.01, ge=0.0, lt=1.0, description="slope for negative x")


@activation("leaky-relu", settings=LeakyReluSettings, paper="Maas et al. 2013, ICML")
def leaky_relu(settings: LeakyReluSettings) -> nn.Module:
    """Rectified with a leak: x where positive, slope x elsewhere."""
    return nn.LeakyReLU(settings.slope)


class EluSettings(Settings):
    """Settings of the ELU."""

    alpha: float = Field(1.0, gt=0.0, description="the limit for very negative x is -alpha")


@activation("elu", settings=EluSettings, paper="Clevert et al. 2016, arXiv:1511.07289, eq. 2")
def elu(settings: EluSettings) -> nn.Module:
    """Rectified smoothly: x where positive, alpha (exp(x) - 1) elsewhere."""
    return nn.ELU(settings.alpha)


class GeluSettings(Settings):
    """Settings of the GELU."""

    approximate: Literal["none", "tanh"] = Field(
        "none", description="exact, or the tanh approximation that GPT-2 was trained with"
    )


@activation("gelu", settings=GeluSettings, paper="Hendrycks & Gimpel 2016, arXiv:1606.08415")
def gelu(settings: GeluSettings) -> nn.Module:
    """Gated by chance: x Phi(x), with Phi the distribution function of the standard normal."""
    return nn.GELU(settings.approximate)


@activation("silu", paper="Elfwing et al. 2018, arXiv:1702.03118")
def silu(settings: Settings) -> nn.Module:
    """Gated by itself: x sigmoid(x), also called swish."""
    return nn.SiLU()


@activation("mish", paper="Misra 2020, arXiv:1908.08681")
def mish(settings: Settings) -> nn.Module:
    """Gated by itself: x tanh(softplus(x))."""
    return nn.Mish()


class SoftplusSettings(Settings):
    """Settings of the softplus."""

    sharpness: float = Field(1.0, gt=0.0, description="beta; the larger, the closer to ReLU")


@activation("softplus", settings=SoftplusSettings, paper="Dugas et al. 2001, NIPS")
def softplus(settings: SoftplusSettings) -> nn.Module:
    """log(1 + exp(beta x)) / beta, a smooth ReLU."""
    return nn.Softplus(settings.sharpness)


class SoftmaxSettings(Settings):
    """Settings of softmax and log-softmax."""

    axis: int = Field(-1, description="axis whose entries compete")


@activation("softmax", settings=SoftmaxSettings, elementwise=False)
def softmax(settings: SoftmaxSettings) -> nn.Module:
    """exp(x) divided by its sum along the axis: probabilities."""
    return nn.Softmax(settings.axis)


@activation("log-softmax", settings=SoftmaxSettings, elementwise=False)
def log_softmax(settings: SoftmaxSettings) -> nn.Module:
    """The logarithm of softmax, safe for large x."""
    return nn.LogSoftmax(settings.axis)
