"""Numbers as learned vectors: piecewise-linear in bins of the training rows, plus a vector for each value that repeats often.

A dense layer sees a number as one straight axis; bins let it bend where the rows are. Values that come again and again (an age,
a capital gain of exactly 7,688, a gap) often mean something of their own, which no straight piece can tell.

Reference: Gorishniy, Rubachev & Babenko 2022, arXiv:2203.05556, eq. 1-2; the vectors of exact values are our own addition.

Letters: B batch, d numbers (those that neighbours tell among them), K bins, V exact values, D width, M members.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import encoder
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port
from thalweg.layers.encoded import Encoder, by_member
from thalweg.layers.neighbours import WIDTH, Neighbours
from thalweg.layers.pairs import PairGrids
from thalweg.layers.start import Start, StartsFromData

STEEPEST = 1e4
"""A bin narrower than one part in this of a standard deviation rises no faster, so that slopes stay finite."""
NONE = 1e30
"""Stands where no further value has a vector: greater than any standardised number, and finite as weights must be."""
SPIKE = 0.03
"""Share of the rows from which a value stands out of a number with many; fewer would be learned by heart: California's
latitudes as exact values took its error from 43,500 to 47,700 dollars. Of a few values each is a category (Adult's gains)."""


class NumbersSettings(Settings):
    """How finely numbers are cut, and how wide they become."""

    bins: int = Field(48, ge=1, le=4096, description="pieces of each number, at most; few rows get fewer")
    rows_per_bin: int = Field(30, ge=1, le=1_000_000, description="training rows that a piece stands for, at least")
    width: int = Field(8, ge=1, le=4096, description="numbers that stand for a number")
    values: int = Field(128, ge=1, le=65536, description="values of each number that have a vector of their own, at most")
    repeats: int = Field(8, ge=1, le=1_000_000, description="training rows in which such a value stands, at least")
    members: int = Field(1, ge=1, le=4096, description="sets of vectors, one for each member of an ensemble")
    neighbours: int = Field(
        0,
        ge=0,
        le=1 << 20,
        description="training rows that are kept at most, to tell of the nearest ones where that tells more",
    )
    pairs: int = Field(
        0, ge=0, le=64, description="pairs of numbers, at most, that are looked up together where that tells more"
    )


@encoder("numbers", settings=NumbersSettings, members=True, paper="Gorishniy et al. 2022, arXiv:2203.05556")
class NumbersEncoder(Encoder, StartsFromData):
    """Standardised numbers (B, d) to their vectors side by side (B, M d D), those of one member after another's.

    What neighbours tell counts as further numbers, in pieces as all others. So grids are sought for what it leaves unexplained:
    both for the same places would learn training rows by heart (California: 41,200 dollars with both, 40,400 with neighbours).
    Before it starts from data the bins are equal pieces from -3 to 3 and no value is exact.
    """

    left: Tensor
    steepness: Tensor
    exact: Tensor
    first: Tensor

    def __init__(self, port: Port, settings: NumbersSettings) -> None:
        super().__init__()
        self.port, self.settings = port, settings
        self.neighbours = Neighbours(port.width, settings.neighbours) if settings.neighbours and port.width > 1 else None
        d = port.width + (0 if self.neighbours is None else WIDTH)
        width = settings.members * settings.width  # of a number, for all members
        self.pairs = PairGrids(d, settings.pairs, width) if settings.pairs and d > 1 else None
        edges = torch.linspace(-3.0, 3.0, settings.bins + 1)
        self.register_buffer("left", edges[:-1].repeat(d, 1))  # (d, K)
        self.register_buffer("steepness", torch.full((d, settings.bins), settings.bins / 6.0))  # (d, K), 0 where no bin is
        self.register_buffer("exact", torch.full((d, settings.values), NONE))  # (d, V) ascending
        bound = settings.bins**-0.5
        self.weight = nn.Parameter(torch.empty(d, settings.bins, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(d, 1, width).uniform_(-bound, bound))
        self.vectors = nn.Parameter(0.1 * torch.randn(d * (settings.values + 1), width))
        self.register_buffer("first", torch.arange(d) * (settings.values + 1), persistent=False)
        self.width = d * width

    def start(self, start: Start) -> None:
        rows = start.rows(self.port.name).flatten(1).float()
        if self.neighbours is not None:
            self.neighbours.start(rows, start)
            rows = torch.cat([rows, self.neighbours.of_training_rows(rows)], 1)
        if self.pairs is not None:
            self.pairs.start(rows, start)
        most = max(1, min(self.settings.bins, len(rows) // self.settings.rows_per_bin))
        for j, column in enumerate(rows.unbind(1)):
            found, counts = column.unique(return_counts=True)
            self._cut(j, edges_of(found, counts, most))
            self._name(j, found, counts)

    def _cut(self, j: int, edges: Tensor) -> None:
        """Bins of number j between ascending edges; those that are left over stay flat."""
        pieces, widths = len(edges) - 1, edges.diff()
        self.left[j], self.steepness[j] = edges[0], 0.0
        self.left[j, :pieces] = edges[:-1]
        self.steepness[j, :pieces] = (1.0 / widths).clamp(max=STEEPEST)

    def _name(self, j: int, found: Tensor, counts: Tensor) -> None:
        """The values of number j that repeat most often: of many different ones only those that stand out."""
        least = 0 if len(found) <= self.settings.values else SPIKE * float(counts.sum())
        often = counts >= max(self.settings.repeats, least)
        found, counts = found[often], counts[often]
        most = counts.argsort(descending=True, stable=True)[: self.settings.values]
        self.exact[j] = NONE
        self.exact[j, : len(most)] = found[most].sort().values

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Standardised numbers (B, d) to (B, M d D)."""
        x = x.flatten(1)
        x = x if self.neighbours is None else torch.cat([x, self.neighbours(x)], 1)
        pieces = ((x.T.unsqueeze(2) - self.left.unsqueeze(1)) * self.steepness.unsqueeze(1)).clamp(0.0, 1.0)  # (d, B, K)
        bent = torch.baddbmm(self.bias, pieces, self.weight).relu()  # (d, B, M D)
        vectors = nn.functional.embedding(self.codes(x), self.vectors)  # (B, d, M D)
        vectors = bent.transpose(0, 1) + vectors
        vectors = vectors if self.pairs is None else self.pairs(x, vectors)
        return by_member(vectors, self.settings.members)

    def codes(self, x: Tensor) -> Tensor:
        """(B, d) rows of `vectors`: the first of a number's for values that have none of their own."""
        exact = self.exact.to(x.dtype)
        columns = x.detach().T.contiguous()  # (d, B)
        places = torch.searchsorted(exact, columns).clamp(max=exact.shape[1] - 1)
        known = exact.gather(1, places) == columns
        return torch.where(known, places + 1, 0).T + self.first

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """A smooth number, and one of two values."""
        smooth = torch.randn(8, generator=generator)
        return Port("numbers", "numbers", (2,)), {"numbers": torch.stack([smooth, torch.arange(8) % 2 * 1.0], 1)}


def edges_of(found: Tensor, counts: Tensor, most: int) -> Tensor:
    """Ascending edges of at most `most` bins, with about equally many rows in each; two at least.

    A value counts as often as a bin holds rows, at most: a heap of equal values (zeros, gaps) takes one bin, not all of them.

    Args:
        found: (n,) distinct values, ascending.
        counts: (n,) how many rows have them.
    """
    if len(found) == 1:
        return torch.cat([found - 1.0, found])
    if len(found) <= most + 1:
        return found
    shares = counts.double().clamp(max=max(1.0, float(counts.sum()) / most)).cumsum(0)
    wanted = torch.linspace(0.0, 1.0, most + 1, dtype=torch.float64) * shares[-1]
    places = torch.searchsorted(shares, wanted).clamp(max=len(found) - 1)
    return found[places.unique()]
