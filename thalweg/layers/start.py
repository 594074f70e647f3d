"""Starts from data: what a layer reads off the training rows before the first step (bins, counts, whitening, biases).

A layer that needs such a start derives from `StartsFromData`. A rule that follows slopes calls `start_from_data` when its first
stage begins; it is not repeated on resume, so what is found must lie in buffers (or parameters) of the layer, whose shapes
depend on ports and settings alone: a package builds the layer again without the data, then fills it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from thalweg.core.processes import Processes
from thalweg.fields.ports import Port


@dataclass(frozen=True)
class Start:
    """What layers may look at before the first step.

    Attributes:
        batches: the training rows of this process by the ports' names, once through in order at every iteration, not augmented.
        target: the output port, whose values stand in the batches too; None where nothing is to be predicted.
        generator: for draws; equal in all processes.
        processes: what is counted is summed, what is looked at is gathered over them, so that all find the same.
        weight: the field that says how much each row counts; empty: all count the same.
    """

    batches: Iterable[Mapping[str, Tensor]]
    target: Port | None
    generator: torch.Generator
    processes: Processes = field(default_factory=Processes)
    weight: str = ""

    def rows(self, name: str, *, most: int | None = None) -> Tensor:
        """One tensor of all training rows (N, ...) on the host, those of all processes one after another.

        Args:
            most: rows that are kept at most, drawn without putting back; None: all.
        """
        held = torch.cat([batch[name].detach().cpu() for batch in self.batches])
        every = self.processes.gather(held)
        if most is None or len(every) <= most:
            return every
        return every[torch.randperm(len(every), generator=self.generator)[:most].sort().values]

    def weights(self, count: int) -> Tensor:
        """How much each of so many training rows counts (N,)."""
        return self.rows(self.weight).flatten() if self.weight else torch.ones(count)


class StartsFromData(ABC):
    """A layer that looks at the training rows before the first step; without it the layer works all the same, only worse."""

    note = ""
    """What is said of it before it learns."""

    @abstractmethod
    def start(self, start: Start) -> None:
        """Fill buffers (in place) from the training rows; called without gradients."""

    def outlive(self) -> None:
        """A later stage begins, with other rows or classes than those that the layer started from."""


@torch.no_grad()
def start_from_data(model: nn.Module, start: Start) -> None:
    """Let every layer of a model that starts from data do so, inner layers before those around them."""
    for module in reversed(list(model.modules())):
        if isinstance(module, StartsFromData):
            module.start(start)
