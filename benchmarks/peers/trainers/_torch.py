"""What the tools on torch share: tensors of rows, answers to held-out rows, and how a net is laid out for a variant."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from benchmarks.peers.job import Job, Rows, Workload

BATCH = 256
"""Rows that are answered at once."""


def tensors(rows: Rows) -> tuple[Tensor, ...]:
    """Inputs and target."""
    return tuple(torch.from_numpy(one) for one in (*rows.inputs, rows.target))


def seeded_net(job: Job) -> nn.Module:
    """The network, begun from the job's seed."""
    torch.manual_seed(job.seed)
    return job.workload.net(job.raw)


def score(net: Callable[..., Tensor], job: Job) -> float:
    """What a trained net is worth on held-out rows."""
    if isinstance(net, nn.Module):
        net.eval()
    *inputs, target = tensors(job.test)
    with torch.inference_mode():
        parts = zip(*(one.split(BATCH) for one in inputs), strict=True)
        output = torch.cat([net(*part).float() for part in parts])
    return job.workload.judge(output.numpy(), target.numpy())


def in_bfloat16(wanted: bool) -> AbstractContextManager[object]:
    """Products in bfloat16 beneath, where wanted."""
    return torch.autocast("cpu", torch.bfloat16) if wanted else nullcontext()


class WithLoss(nn.Module):
    """A net and its loss as one module: inputs and target to the mean loss of the batch.

    Args:
        bfloat16: products are taken in bfloat16.
    """

    def __init__(self, net: nn.Module, workload: Workload, *, bfloat16: bool = False) -> None:
        super().__init__()
        self.net, self.workload, self.bfloat16 = net, workload, bfloat16

    def forward(self, *given: Tensor) -> Tensor:
        with in_bfloat16(self.bfloat16):
            return self.workload.loss(self.net(*given[:-1]), given[-1])


def channels_last(net: nn.Module, inputs: Sequence[Tensor]) -> None:
    """Lay out the weights of convolutions so, where inputs are pictures."""
    if any(one.dim() == 4 for one in inputs):
        net.to(memory_format=torch.channels_last)
