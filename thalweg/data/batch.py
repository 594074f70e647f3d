"""A batch: encoded examples on the device, a mapping from field name to tensor, knowing its place in the global batch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch(Mapping[str, Tensor]):
    """Encoded examples.

    Attributes:
        fields: name to tensor (B, ...); masks of ragged fields stand under `<name>_mask`.
        size: rows here.
        start: the first of them in the global batch.
        whole: rows of the global batch.
        rows: (B,) their numbers in the dataset, on the host; None where there is none.
    """

    fields: Mapping[str, Tensor]
    size: int
    start: int = 0
    whole: int = 0
    rows: Tensor | None = field(default=None, repr=False)

    @staticmethod
    def of(fields: Mapping[str, Tensor], rows: Tensor | None = None) -> "Batch":
        """A batch that is the whole of its global batch."""
        size = next(iter(fields.values())).shape[0]
        return Batch(fields, size, 0, size, rows)

    def __getitem__(self, name: str) -> Tensor:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return next(iter(self.fields.values())).device

    def having(self, fields: Mapping[str, Tensor]) -> "Batch":
        """This batch with further or changed fields."""
        return replace(self, fields={**self.fields, **fields})

    def cut(self, first: int, last: int) -> "Batch":
        """Rows `first` to `last` of this batch, as a part of the same global batch."""
        fields = {name: tensor[first:last] for name, tensor in self.fields.items()}
        rows = None if self.rows is None else self.rows[first:last]
        return Batch(fields, last - first, self.start + first, self.whole, rows)

    def parts(self, count: int) -> list["Batch"]:
        """At most `count` near-equal parts, none of them empty."""
        count = min(count, self.size)
        if count <= 1:
            return [self]
        edges = [i * self.size // count for i in range(count + 1)]
        return [self.cut(first, last) for first, last in pairwise(edges)]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on a device."""
        return replace(self, fields={name: tensor.to(device) for name, tensor in self.fields.items()})
