"""Normalisations that know about padding: `build(channels, *, dims, settings)`, called `module(x, mask=None)`.

With `dims=0` the channels are the last axis, (B, C) or (B, T, C); with 1 to 3 they are the second, (B, C, T) to
(B, C, D, H, W). The mask, True where a position is real, has x's shape without the channels. Under a mask, padding enters no
statistic and comes out as zero, so that neither its content nor its length changes the answer for the real positions.

Letters: B batch, C channels, G groups, T time, S all axes after the channels.
"""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import normalisation
from thalweg.core.settings import Settings


class NormalisationSettings(Settings):
    """What all normalisations share."""

    epsilon: float = Field(1e-5, gt=0.0, description="added to the variance before its root is taken")
    learned: bool = Field(True, description="whether a scale and, where the method has one, a shift are learned per channel")


class BatchSettings(NormalisationSettings):
    """Settings of batch normalisation."""

    momentum: float = Field(0.1, gt=0.0, le=1.0, description="weight of the newest batch in the running statistics")


@normalisation(
    "batch", settings=BatchSettings, rows_independent=False, example=(4, 6, 5), paper="Ioffe & Szegedy 2015, arXiv:1502.03167"
)
class BatchNorm(_BatchNorm):
    """Each channel by the mean and variance of the batch; in evaluation by their running averages."""

    def __init__(self, channels: int, *, dims: int, settings: BatchSettings) -> None:
        super().__init__(channels, eps=settings.epsilon, momentum=settings.momentum, affine=settings.learned)
        self.dims = dims

    def _check_input_dim(self, x: Tensor) -> None:
        assert x.shape[1] == self.num_features, f"{self.num_features} channels expected, got {tuple(x.shape)}"

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalises x, of the same shape; zero where the mask is False."""
        rows = x.reshape(-1, x.shape[-1]) if self.dims == 0 else x  # (B, C, *S)
        real = None if mask is None else mask.reshape(rows.shape[0], 1, *rows.shape[2:])  # (B, 1, *S)
        if real is None or not self.training:
            _refuse_single_value(rows, training=self.training)
            answer = super().forward(rows)
            return (answer if real is None else answer.masked_fill(~real, 0.0)).reshape(x.shape)
        return self._masked(rows, real).reshape(x.shape)

    def _masked(self, rows: Tensor, real: Tensor) -> Tensor:
        axes = (0, *range(2, rows.dim()))
        mean, variance = masked_moments(rows, real, axes=axes)
        self._remember(mean.flatten(), variance.flatten(), real.sum())
        return _scaled(rows, mean, variance, self.eps, self.weight, self.bias).masked_fill(~real, 0.0)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        unbiased = variance * count / (count - 1).clamp(min=1)
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def _refuse_single_value(rows: Tensor, *, training: bool) -> None:
    if training and rows.numel() == rows.shape[1]:
        raise UsageRefusal(
            "BATCH_OF_ONE",
            "a batch holds a single value for each channel, which has no variance to normalise by",
            where="batch normalisation, in training",
            why="every value would become zero",
            fix="--batch-size 16 or more, more rows, or another normalisation: thalweg list normalisations",
        )


@normalisation("layer", settings=NormalisationSettings, example=(4, 6, 5), paper="Ba et al. 2016, arXiv:1607.06450")
class LayerNorm(nn.LayerNorm):
    """Each position by the mean and variance of its own channels (in pictures as ConvNeXt does it)."""

    def __init__(self, channels: int, *, dims: int, settings: NormalisationSettings) -> None:
        super().__init__(channels, eps=settings.epsilon, elementwise_affine=settings.learned)
        self.dims = dims

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalises x, of the same shape; zero where the mask is False."""
        last = x if self.dims == 0 else x.movedim(1, -1)  # (B, *S, C)
        return _restored(super().forward(last), mask, dims=self.dims)


@normalisation("rms", settings=NormalisationSettings, example=(4, 6, 5), paper="Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4")
class RootMeanSquareNorm(nn.RMSNorm):
    """Each position by the root mean square of its own channels; no mean is taken off, no shift is learned."""

    def __init__(self, channels: int, *, dims: int, settings: NormalisationSettings) -> None:
        super().__init__(channels, eps=settings.epsilon, elementwise_affine=settings.learned)
        self.dims = dims

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalises x, of the same shape; zero where the mask is False."""
        last = x if self.dims == 0 else x.movedim(1, -1)  # (B, *S, C)
        return _restored(super().forward(last), mask, dims=self.dims)


class GroupSettings(NormalisationSettings):
    """Settings of group normalisation."""

    groups: int = Field(
        2, ge=1, description="groups that the channels are divided into; 1 is layer normalisation of the whole row"
    )


@normalisation("group", settings=GroupSettings, example=(4, 6, 5), paper="Wu & He 2018, arXiv:1803.08494, eq. 1-7")
class GroupNorm(nn.GroupNorm):
    """Each row's group of channels by the mean and variance over the group and all positions.

    Raises:
        UsageRefusal: the groups do not divide the channels.
    """

    def __init__(self, channels: int, *, dims: int, settings: GroupSettings) -> None:
        if channels % settings.groups:
            raise UsageRefusal(
                "LAYER_GROUPS_DO_NOT_DIVIDE",
                f"{channels} channels cannot be divided into {settings.groups} equal groups",
                where="groups of the group normalisation",
                why="each channel is normalised with those of its group, and all groups are alike",
                fix=f"a divisor of {channels}",
            )
        super().__init__(settings.groups, channels, eps=settings.epsilon, affine=settings.learned)
        self.dims = dims

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalises x, of the same shape; zero where the mask is False."""
        rows = x.reshape(-1, x.shape[-1]) if self.dims == 0 else x  # (B, C, *S)
        if mask is None:
            return super().forward(rows).reshape(x.shape)
        real = mask.reshape(rows.shape[0], 1, *rows.shape[2:])  # (B, 1, *S)
        grouped = rows.unflatten(1, (self.num_groups, -1))  # (B, G, C / G, *S)
        mean, variance = masked_moments(grouped, real.unsqueeze(1), axes=tuple(range(2, grouped.dim())))
        shape = (rows.shape[0], self.num_channels, *[1] * (rows.dim() - 2))
        mean, variance = (moment.expand(-1, -1, grouped.shape[2], *shape[2:]).reshape(shape) for moment in (mean, variance))
        answer = _scaled(rows, mean, variance, self.eps, self.weight, self.bias)
        return answer.masked_fill(~real, 0.0).reshape(x.shape)


@normalisation(
    "instance", settings=NormalisationSettings, example=(4, 6, 5), least_dims=1, paper="Ulyanov et al. 2016, arXiv:1607.08022"
)
def instance_norm(channels: int, *, dims: int, settings: NormalisationSettings) -> nn.Module:
    """Each channel of each row by its own mean and variance over the positions.

    Raises:
        UsageRefusal: there are no positions to average over (dims = 0).
    """
    if dims == 0:
        raise UsageRefusal(
            "LAYER_NO_POSITIONS",
            "instance normalisation averages over positions, and rows of plain features have none",
            where="normalisation with dims=0",
            why="the mean and variance of a single value say nothing",
            fix='normalisation "layer" or "batch"',
        )
    return GroupNorm(channels, dims=dims, settings=GroupSettings(groups=channels, **settings.model_dump()))


@normalisation("none", example=(4, 6, 5))
class Unnormalised(nn.Module):
    """Nothing is done: x as it is, zero where the mask is False."""

    def __init__(self, channels: int, *, dims: int, settings: Settings) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Gives x itself, zero where the mask is False."""
        return x if mask is None else x.masked_fill(~mask.unsqueeze(-1 if self.dims == 0 else 1), 0.0)


def masked_moments(x: Tensor, real: Tensor, *, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of the real entries along some axes, which are kept with length 1.

    Args:
        x: any shape; taken to float32 when it is shorter.
        real: bool, of a shape that expands to x's. Where nothing is real both moments are 0.
    """
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    count = real.expand_as(x).sum(axes, keepdim=True).clamp(min=1)
    mean = x.masked_fill(~real, 0.0).sum(axes, keepdim=True) / count
    variance = (x - mean).masked_fill(~real, 0.0).square().sum(axes, keepdim=True) / count
    return mean, variance


def _scaled(x: Tensor, mean: Tensor, variance: Tensor, epsilon: float, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    normed = (x - mean) * torch.rsqrt(variance + epsilon)
    if weight is not None and bias is not None:
        shape = (1, -1, *[1] * (x.dim() - 2))
        normed = normed * weight.view(shape) + bias.view(shape)
    return normed.to(x.dtype)


def _restored(last: Tensor, mask: Tensor | None, *, dims: int) -> Tensor:
    """From channels last to the layout of x, padding set to zero."""
    if mask is not None:
        last = last.masked_fill(~mask.unsqueeze(-1), 0.0)
    return last if dims == 0 else last.movedim(-1, 1)
