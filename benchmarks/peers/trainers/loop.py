"""A plain loop in torch over a DataLoader: what the tutorials write."""

from typing import TYPE_CHECKING

from benchmarks.peers.trainers._plain import Epoch, PlainLoop

if TYPE_CHECKING:
    from torch import Tensor


class Loop(PlainLoop):
    """Examples come one by one from a DataLoader, which stacks them."""

    title = "plain loop, DataLoader"

    def batches(self, data: "tuple[Tensor, ...]", size: int) -> Epoch:
        from torch.utils.data import DataLoader, TensorDataset

        loader = DataLoader(TensorDataset(*data), size, shuffle=True)
        return lambda: loader


TOOL = Loop()
