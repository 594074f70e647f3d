"""The loop that one writes oneself, over batches from anywhere; in float32, bfloat16 or compiled."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.job import Clock, Job, Tool, Variant

if TYPE_CHECKING:
    from torch import Tensor

Epoch = Callable[[], "Iterable[tuple[Tensor, ...]]"]


class PlainLoop(Tool):
    """Forward, loss, backward, update, over batches that `batches` gives."""

    variants = (
        Variant("float32", "as written", usual=True),
        Variant("fused", "fused Adam"),
        Variant("compiled", "torch.compile, fused Adam", builds=True, shares="torch-compile"),
        Variant("bfloat16", "bfloat16 autocast, channels-last, fused Adam", "bfloat16", needs="bfloat16"),
    )

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        return {"TORCHINDUCTOR_CACHE_DIR": str(cache)} if variant == "compiled" else {}

    @abstractmethod
    def batches(self, data: "tuple[Tensor, ...]", size: int) -> Epoch:
        """From the tensors of all rows and the size of a batch to what gives an epoch's batches."""

    def train(self, job: Job, clock: Clock) -> float:
        import torch

        from benchmarks.peers.trainers._torch import WithLoss, channels_last, score, seeded_net, tensors

        data, net, low = tensors(job.train), seeded_net(job), job.variant == "bfloat16"
        if low:
            channels_last(net, data)
        adam = torch.optim.Adam(net.parameters(), lr=job.workload.rate, fused=job.variant != "float32")
        loss_of: Callable[..., Tensor] = WithLoss(net, job.workload, bfloat16=low)
        loss_of = torch.compile(loss_of) if job.variant == "compiled" else loss_of
        epoch = self.batches(data, job.workload.batch)
        net.train()
        for _ in range(job.epochs):
            for batch in epoch():
                adam.zero_grad()
                loss_of(*batch).backward()
                adam.step()
            clock.epoch()
        return score(net, job)
