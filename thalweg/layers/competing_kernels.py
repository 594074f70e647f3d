"""Competing convolutional kernels: in groups of random ones, counted how often, and how strongly, each answers best.

Kernels are drawn from a normal distribution, their means taken off and their absolute weights made to sum to 1, dilated so
that they span from 9 steps to the whole series. Within a group, at each step, the kernel with the highest answer gets that
answer added to its sum, the one with the lowest gets a count. Half of the groups read the first differences of the series.
Roots are taken, and every feature is standardised where the linear layer that reads it is fitted. Nothing is learned here.

Reference: Dempster, Schmidt and Webb 2023, arXiv:2203.13652 (Hydra; 64 groups of 8 kernels).

Letters: B batch, C channels, T time, D dilations, G groups, k kernels of a group.
"""

import math

import torch
from torch import Tensor, nn

from thalweg.fields.ports import Port
from thalweg.layers.masked_convolution import without_padding
from thalweg.layers.random_kernels import LENGTH, channels_of, length_of

MOST_CHANNELS = 8
"""Channels that one group sums over, at most."""


class CompetingKernels(nn.Module):
    """(B, C, T) with a mask (B, T) to (B, width), none below 0; padding changes nothing.

    Args:
        port: the series; its length, or the longest of training where it varies, sets the dilations.
        groups: of kernels for each dilation; an even number.
        kernels: of each group.
    """

    weight: Tensor
    chosen: Tensor

    def __init__(self, port: Port, *, groups: int, kernels: int) -> None:
        super().__init__()
        highest = int(max(0.0, math.log2(max(length_of(port) - 1, 1) / (LENGTH - 1))))
        self.dilations = [2**exponent for exponent in range(highest + 1)]
        self.groups, self.kernels = groups, kernels
        self.width = len(self.dilations) * groups * kernels * 2
        self.widths = (self.width,)
        weight = torch.randn(len(self.dilations), groups, kernels, LENGTH)
        weight = weight - weight.mean(3, keepdim=True)
        self.register_buffer("weight", weight / weight.abs().sum(3, keepdim=True))  # (D, G, k, 9)
        self.register_buffer("chosen", _chosen(len(self.dilations), groups, channels_of(port)))  # (D, G, C)

    @torch.no_grad()
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Roots (B, width) of sums and counts over the steps of a series."""
        x = without_padding(x, mask)
        changes = x.diff(dim=2) if x.shape[2] > 1 else x
        changed = None if mask is None else mask[:, -changes.shape[2] :]
        changes, half = without_padding(changes, changed), self.groups // 2
        made = []
        for index in range(len(self.dilations)):
            made.append(self._won(x, mask, index, slice(0, half)))
            made.append(self._won(changes, changed, index, slice(half, self.groups)))
        return torch.cat(made, 1).clamp(min=0).sqrt()

    def _won(self, x: Tensor, mask: Tensor | None, index: int, groups: slice) -> Tensor:
        """(B, 2·G·k) of some groups: sums of the highest answers, and counts of the lowest."""
        weight = self.weight[index, groups, :, None] * self.chosen[index, groups, None, :, None]  # (G, k, C, 9)
        dilation = self.dilations[index]
        answers = nn.functional.conv1d(
            x, weight.flatten(0, 1).to(x.dtype), dilation=dilation, padding=dilation * (LENGTH // 2)
        ).unflatten(1, weight.shape[:2])  # (B, G, k, T)
        highest, best = answers.max(2)
        worst = answers.argmin(2)
        real = torch.ones_like(highest) if mask is None else mask[:, None].expand_as(highest).to(x.dtype)
        sums = torch.zeros_like(answers[..., 0]).scatter_add_(2, best, highest * real)
        counts = torch.zeros_like(sums).scatter_add_(2, worst, real)
        return torch.stack([sums, counts], 1).flatten(1)


def _chosen(dilations: int, groups: int, channels: int) -> Tensor:
    """Which channels each group sums over (D, G, C)."""
    if channels == 1:
        return torch.ones(dilations, groups, 1)
    ranks = torch.rand(dilations, groups, channels).argsort(2).argsort(2)
    return (ranks < min(MOST_CHANNELS, max(2, channels // 2))).float()
