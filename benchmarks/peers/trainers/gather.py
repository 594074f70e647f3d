"""A plain loop in torch that gathers its batches from tensors in memory: what one writes who has measured."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.peers.trainers._plain import Epoch, PlainLoop

if TYPE_CHECKING:
    from torch import Tensor


class Gather(PlainLoop):
    """An order is drawn for each epoch; a batch is one selection for each tensor."""

    title = "plain loop, gathering"

    def batches(self, data: "tuple[Tensor, ...]", size: int) -> Epoch:
        import torch

        def epoch() -> "Iterator[tuple[Tensor, ...]]":
            for rows in torch.randperm(len(data[0])).split(size):
                yield tuple(one[rows] for one in data)

        return epoch


TOOL = Gather()
