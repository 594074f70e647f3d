"""Dropouts: parts of a net that are switched off at random in training; in evaluation each is the identity.

Each is `build(settings) -> nn.Module`, a module from tensor to tensor that draws from torch's own generator (the training loop
seeds it at each step). What remains is divided by the probability of remaining, so that means are kept. The fact `acts_on` says
what the tensor should be: activations, channels, tokens, a residual branch or weights.

Letters: B batch, T time, C channels, D width, S all axes after the channels.
"""

import math

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from thalweg.core.registry import dropout
from thalweg.core.settings import Settings
from thalweg.layers.dropped import Dropout, dropped


class DropoutSettings(Settings):
    """Settings of every dropout."""

    probability: float = Field(0.5, ge=0.0, lt=1.0, description="share that is dropped in training")


@dropout(
    "plain", settings=DropoutSettings, acts_on="activations", example=(4, 6), paper="Srivastava et al. 2014, JMLR 15:1929-1958"
)
def plain(settings: DropoutSettings) -> nn.Module:
    """Each number by itself."""
    return Dropout(settings.probability)


@dropout(
    "gaussian",
    settings=DropoutSettings,
    acts_on="activations",
    example=(4, 6),
    paper="Srivastava et al. 2014, JMLR, section 10",
)
class GaussianDropout(nn.Module):
    """Each number times a normal one of mean 1 and variance p / (1 - p), the variance that plain dropout has."""

    def __init__(self, settings: DropoutSettings) -> None:
        super().__init__()
        self.deviation = math.sqrt(settings.probability / (1.0 - settings.probability))

    def forward(self, x: Tensor) -> Tensor:
        """Noisy x in training, of its shape."""
        return x * (1.0 + self.deviation * torch.randn_like(x)) if self.training else x


@dropout(
    "alpha", settings=DropoutSettings, acts_on="activations", example=(4, 6), paper="Klambauer et al. 2017, arXiv:1706.02515"
)
def alpha(settings: DropoutSettings) -> nn.Module:
    """Each number is set to SELU's lower limit, mean and variance being kept: for self-normalising nets."""
    return nn.AlphaDropout(settings.probability)


class SharedDropout(nn.Module):
    """One draw for all numbers that share their first axes: whole rows, channels or tokens are dropped.

    Args:
        leading: how many axes each have draws of their own; negative counts from the end, as in slicing.
    """

    def __init__(self, probability: float, *, leading: int) -> None:
        super().__init__()
        self.probability, self.leading = probability, leading

    def forward(self, x: Tensor) -> Tensor:
        """In training x with the dropped slices zero and the others scaled up; its shape."""
        if not self.training:
            return x
        drawn = x.shape[: self.leading]
        kept = dropped(x.new_ones(*drawn, *[1] * (x.dim() - len(drawn))), self.probability)
        return x * kept

    def extra_repr(self) -> str:
        """What `print(module)` shows."""
        return f"probability={self.probability}, leading={self.leading}"


@dropout(
    "channel", settings=DropoutSettings, acts_on="channels", example=(4, 6, 5), paper="Tompson et al. 2015, arXiv:1411.4280"
)
def channel(settings: DropoutSettings) -> nn.Module:
    """Whole channels of (B, C, *S)."""
    return SharedDropout(settings.probability, leading=2)


@dropout(
    "stochastic-depth",
    settings=DropoutSettings,
    acts_on="residual",
    example=(4, 6, 5),
    paper="Huang et al. 2016, arXiv:1603.09382",
)
def stochastic_depth(settings: DropoutSettings) -> nn.Module:
    """A residual branch for a whole row of (B, ...), also called drop path."""
    return SharedDropout(settings.probability, leading=1)


@dropout(
    "word", settings=DropoutSettings, acts_on="tokens", example=(4, 6, 5), paper="Iyyer et al. 2015, doi:10.3115/v1/P15-1162"
)
def word(settings: DropoutSettings) -> nn.Module:
    """Whole token embeddings of (B, T, D)."""
    return SharedDropout(settings.probability, leading=-1)


@dropout("drop-connect", settings=DropoutSettings, acts_on="weights", example=(4, 6), paper="Wan et al. 2013, ICML")
def drop_connect(settings: DropoutSettings) -> nn.Module:
    """Each weight by itself, one draw for the whole batch (the paper draws for each row); see `DropConnectLinear`."""
    return Dropout(settings.probability)


class DropConnectLinear(nn.Linear):
    """A linear layer whose weights pass through a dropout; its parameters are those of `nn.Linear`.

    Args:
        weight_dropout: a module from weights to weights, such as the part "drop-connect".
    """

    def __init__(self, in_features: int, out_features: int, *, weight_dropout: nn.Module, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias=bias)
        self.weight_dropout = weight_dropout

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) to (..., out_features)."""
        return functional.linear(x, self.weight_dropout(self.weight), self.bias)
