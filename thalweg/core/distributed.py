"""Several processes, joined by torch.distributed: what a launcher such as torchrun started."""

import json
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed

from thalweg.core.processes import Processes


class DistributedProcesses(Processes):
    """Several processes joined by torch.distributed; sums are taken in float64 where the tensors are.

    Args:
        joined: the group was joined here, so it is left here too.
    """

    def __init__(self, *, joined: bool = False) -> None:
        self.rank, self.world, self._joined = distributed.get_rank(), distributed.get_world_size(), joined

    def sum(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        summed = list(tensors)
        for dtype in dict.fromkeys(tensor.dtype for tensor in tensors):
            same = [i for i, tensor in enumerate(tensors) if tensor.dtype == dtype]
            flat = torch.cat([tensors[i].reshape(-1) for i in same])
            distributed.all_reduce(flat)
            pieces = flat.split([tensors[i].numel() for i in same])
            for i, piece in zip(same, pieces, strict=True):
                summed[i] = piece.view_as(tensors[i])
        return summed

    def gather(self, rows: Tensor) -> Tensor:
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
        distributed.all_gather(lengths, torch.tensor([rows.shape[0]]))
        counts = [int(length) for length in lengths]
        widest = max(counts)
        padded = rows.new_zeros(widest, *rows.shape[1:])
        padded[: rows.shape[0]] = rows
        pieces = [torch.empty_like(padded) for _ in range(self.world)]
        distributed.all_gather(pieces, padded)
        return torch.cat([piece[:count] for piece, count in zip(pieces, counts, strict=True)])

    def share(self, value: Any) -> Any:  # noqa: ANN401
        text = json.dumps(value).encode()
        length = torch.tensor([len(text)])
        distributed.broadcast(length, src=0)
        sent = torch.zeros(int(length), dtype=torch.uint8)
        if self.rank == 0:
            sent = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        distributed.broadcast(sent, src=0)
        return json.loads(bytes(sent.numpy()))

    def wait(self) -> None:
        distributed.barrier()

    def leave(self) -> None:
        if self._joined and distributed.is_initialized():
            distributed.destroy_process_group()


def connect(backend: str = "gloo") -> Processes:
    """The processes this one belongs to: those that a launcher (torchrun) started, else itself alone."""
    if distributed.is_available() and distributed.is_initialized():
        return DistributedProcesses()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        distributed.init_process_group(backend)
        return DistributedProcesses(joined=True)
    return Processes()


def disconnect() -> None:
    """Leave the group, whoever joined it: programs that end without it may abort at exit."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
