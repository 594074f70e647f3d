"""Random convolutional kernels: fixed, hardly random, and read by how often their answers exceed a bias.

All 84 kernels of length 9 with six weights of -1 and three of 2, dilated so that they span from 9 steps to the whole series.
Each answer is compared with biases that are quantiles of the kernel's answers to a training row; the feature is the share of
steps above and, where wanted, by how much they are above in the mean. For several channels each pair of kernel and dilation
sums over a random few of them. Nothing is learned here.

Reference: Dempster, Schmidt and Webb 2021, arXiv:2012.08791 (MiniRocket); Tan et al. 2022, arXiv:2102.00457 (MultiRocket: the
mean of positive values; its places, stretches and differences did not pay here, LOG.md).

Letters: B batch, C channels, T time, K = 84 kernels, D dilations, F features of a kernel, n biases of one dilation.
"""

import itertools
import math

import torch
from torch import Tensor, nn

from thalweg.fields.ports import Port
from thalweg.layers.masked_convolution import without_padding
from thalweg.layers.start import Start, StartsFromData

LENGTH, HEAVY = 9, 3
KERNELS = math.comb(LENGTH, HEAVY)
MOST_DILATIONS = 32
MOST_CHANNELS = 9
"""Channels that one pair of kernel and dilation sums over, at most."""
MOST_ROWS = 1024
"""Training rows among which those that give the biases are drawn."""
GOLDEN = (math.sqrt(5) + 1) / 2


class RandomKernels(nn.Module, StartsFromData):
    """(B, C, T) with a mask (B, T) to (B, width), shares from 0 to 1, then means from 0 up; padding changes nothing.

    Args:
        port: the series; its length, or the longest of training where it varies, sets the dilations.
        features: shares in the answer, cut down to whole kernels.
        means: whether as many means of what is above follow.

    Attributes:
        width: numbers in the answer.
        widths: of the shares, and of the means.
        dilations: each with how many features of every kernel have it.
    """

    biases: Tensor
    chosen: Tensor
    kernels: Tensor

    def __init__(self, port: Port, *, features: int, means: bool = False) -> None:
        super().__init__()
        self.port, self.means = port, means
        channels, length = channels_of(port), length_of(port)
        self.dilations = dilations_of(length, max(1, features // KERNELS))
        per_kernel = sum(count for _, count in self.dilations)
        self.widths = (KERNELS * per_kernel,) * (2 if means else 1)
        self.width = sum(self.widths)
        self.register_buffer("kernels", heavy_kernels(), persistent=False)  # (K, 9)
        self.register_buffer("biases", torch.zeros(KERNELS, per_kernel))  # (K, F)
        self.register_buffer("chosen", torch.ones(len(self.dilations), KERNELS, channels))  # (D, K, C)

    @torch.no_grad()
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Shares (B, K·F) of steps at which each kernel's answer exceeds each of its biases, and by how much in the mean."""
        x = without_padding(x, mask)
        shares, means, begun = [], [], 0
        for index, (_, count) in enumerate(self.dilations):
            answers, counted = self._answers(x, index), self._counted(x, mask, index)
            answers.masked_fill_(~counted, -math.inf)  # above no bias
            steps, held = counted.sum(2).clamp(min=1), torch.empty_like(answers)
            for bias in self.biases[:, begun : begun + count].to(x.dtype).T:
                above = torch.gt(answers, bias[:, None], out=held).sum(2)  # (B, K)
                shares.append(above / steps)
                if self.means:
                    excess = torch.sub(answers, bias[:, None], out=held).relu_().sum(2)
                    means.append(excess / above.clamp(min=1))
            begun += count
        return torch.cat(shares + means, 1)

    def _answers(self, x: Tensor, index: int) -> Tensor:
        """What every kernel says at each step (B, K, T), zeros around the series."""
        weight = self.kernels[:, None] * self.chosen[index][:, :, None]  # (K, C, 9)
        dilation = self.dilations[index][0]
        return nn.functional.conv1d(x, weight.to(x.dtype), dilation=dilation, padding=dilation * (LENGTH // 2))

    def _counted(self, x: Tensor, mask: Tensor | None, index: int) -> Tensor:
        """(B or 1, K, T) bool: the steps that count.

        For every other pair of kernel and dilation they are those at which the kernel does not reach over the ends.
        """
        real = torch.ones(1, x.shape[2], dtype=torch.bool, device=x.device) if mask is None else mask
        inner = _inner(real, self.dilations[index][0] * (LENGTH // 2))
        inside = ((torch.arange(KERNELS, device=x.device) + index) % 2 == 1)[None, :, None]
        return torch.where(inside, inner[:, None], real[:, None])

    def start(self, start: Start) -> None:
        """Draws which channels are summed, and takes the biases from the answers to rows drawn for each kernel and dilation."""
        rows, masks = drawn_rows(start, self.port)
        self.chosen.copy_(_chosen(self.chosen, start.generator))
        quantiles = (GOLDEN * torch.arange(1, self.biases.numel() + 1, dtype=torch.float64)) % 1.0
        used, begun = 0, 0
        for index, (_, count) in enumerate(self.dilations):
            picked = torch.randint(len(rows), (KERNELS,), generator=start.generator)
            wanted = quantiles[used : used + KERNELS * count].view(KERNELS, count)
            self.biases[:, begun : begun + count] = self._quantiles(rows[picked], masks[picked], index, wanted)
            used, begun = used + KERNELS * count, begun + count

    def _quantiles(self, rows: Tensor, masks: Tensor, index: int, wanted: Tensor) -> Tensor:
        """(K, n) quantiles of what each kernel says along its own row (K, C, T)."""
        answers = self._answers(without_padding(rows, masks).to(self.biases), index).diagonal(dim1=0, dim2=1).T  # (K, T)
        each = zip(answers.cpu(), masks, wanted, strict=True)
        return torch.stack([torch.quantile(answer[real], at.to(answer.dtype)) for answer, real, at in each]).to(self.biases)


def heavy_kernels() -> Tensor:
    """All (84, 9) kernels of six weights -1 and three weights 2; each sums to 0, so that the level of a series says nothing."""
    kernels = torch.full((KERNELS, LENGTH), -1.0)
    for row, places in enumerate(itertools.combinations(range(LENGTH), HEAVY)):
        kernels[row, list(places)] = 2.0
    return kernels


def dilations_of(length: int, features: int) -> list[tuple[int, int]]:
    """Dilations from 1 up to where a kernel spans the series, evenly in their logarithm, each with its number of features.

    Args:
        length: steps of a series.
        features: of each kernel, shared among the dilations.
    """
    most = min(features, MOST_DILATIONS)
    each = features / most
    highest = max(0.0, math.log2(max(length - 1, 1) / (LENGTH - 1)))
    exponents = [highest * i / max(most - 1, 1) for i in range(most)]
    counts: dict[int, int] = {}
    for exponent in exponents:
        dilation = int(2**exponent)
        counts[dilation] = counts.get(dilation, 0) + 1
    shared = {dilation: int(count * each) for dilation, count in counts.items()}
    for place in range(features - sum(shared.values())):
        shared[list(shared)[place % len(shared)]] += 1
    return list(shared.items())


def channels_of(port: Port) -> int:
    """Channels of a series."""
    return int(port.shape[0] or 1)


def length_of(port: Port) -> int:
    """Steps of a series, or of the longest one of training where they vary."""
    return int(port.shape[1] or port.longest or LENGTH)


def _inner(real: Tensor, reach: int) -> Tensor:
    """(B, T) bool: real steps with as many real ones on both sides as a kernel reaches; real ones come first."""
    steps = torch.arange(real.shape[1], device=real.device)
    return (steps >= reach) & (steps < real.sum(1, keepdim=True) - reach)


def _chosen(like: Tensor, generator: torch.Generator) -> Tensor:
    """Which channels each pair of dilation and kernel sums over (D, K, C): 2^u of them, u uniform, none twice."""
    dilations, kernels, channels = like.shape
    if channels == 1:
        return torch.ones_like(like)
    highest = math.log2(min(channels, MOST_CHANNELS) + 1)
    counts = (2 ** (highest * torch.rand(dilations, kernels, 1, generator=generator))).long()
    ranks = torch.rand(dilations, kernels, channels, generator=generator).argsort(2).argsort(2)
    return (ranks < counts.clamp(max=channels)).to(like)


def drawn_rows(start: Start, port: Port) -> tuple[Tensor, Tensor]:
    """Some training rows (N, C, T) and their masks (N, T) on the host, padded to one length; the same in all processes."""
    length, name = length_of(port), port.name
    found, masks = [], []
    for batch in start.batches:
        x = batch[name].detach().cpu()
        lacking = (0, length - x.shape[2])
        mask = batch[f"{name}_mask"].cpu() if port.masked else torch.ones(len(x), x.shape[2], dtype=torch.bool)
        found.append(nn.functional.pad(x, lacking))
        masks.append(nn.functional.pad(mask, lacking))
    rows, real = (start.processes.gather(torch.cat(one)) for one in (found, masks))
    kept = torch.randperm(len(rows), generator=start.generator)[:MOST_ROWS].sort().values
    return rows[kept], real[kept]
