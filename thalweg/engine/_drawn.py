"""What dropout draws, to the bit, in half of the time.

Torch compares numbers in [0, 1) of 53 bits with a probability, one by one; here their bits are drawn as whole numbers and
compared together.

Letters: B rows, O numbers of a row.
"""

import functools
import math

import torch
from torch import Tensor

FINE = 2**53
"""Numbers in [0, 1) that torch tells apart where it draws."""
FAR = -1e30
"""Less than any sum whose square is finite: beside it a sum is rectified to nothing."""


class Drawn:
    """The draws of one layer from torch's default generator, as torch's dropout makes them.

    Args:
        width: numbers of a row (O).
        probability: share that is dropped.
        most: rows of a batch, at most.
        like: of the type that is wanted.
    """

    def __init__(self, width: int, probability: float, most: int, like: Tensor) -> None:
        self.stays, self.known = 1.0 - probability, _known(1.0 - probability)
        self.bits = torch.empty(most, width, dtype=torch.long)
        self.away = like.new_empty(most, width)

    def draw(self, rows: int) -> Tensor:
        """`FAR` for what is dropped and 0 elsewhere (B, O)."""
        away = self.away[:rows]
        if self.known:
            _dropped_by_bits(self.bits[:rows], self.stays, out=away)
        else:
            torch.sub(1.0, away.bernoulli_(self.stays), out=away)
        return away.mul_(FAR)


def _dropped_by_bits(bits: Tensor, stays: float, out: Tensor) -> Tensor:
    """Write 1 for what is dropped, 0 elsewhere."""
    return torch.ge(bits.random_().bitwise_and_(FINE - 1), math.ceil(stays * FINE), out=out)


@functools.cache
def _known(stays: float) -> bool:
    """Torch draws so on this machine: not where it has a kernel of its maker's."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        expected, after = 1.0 - torch.empty(4_099).bernoulli_(stays), torch.get_rng_state()
        torch.default_generator.manual_seed(0)
        found = _dropped_by_bits(torch.empty(4_099, dtype=torch.long), stays, out=torch.empty(4_099))
        return torch.equal(found, expected) and torch.equal(after, torch.get_rng_state())
