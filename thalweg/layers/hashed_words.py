"""Words, and what is made of them (neighbours, their shapes, their pieces), as numbers of buckets.

Letters: B batch, L words, P pieces of a word, n all that is made of a text.
"""

import torch
from torch import Tensor

SPELLING, SHAPE, PIECES = 1, 2, 3
"""Columns of a word after its code: the hash of its spelling, that of its shape, and from there those of its pieces."""
FIRST, SECOND, THIRD, SHAPED, PIECE, ALONE = 2654435761, 2246822519, 1181783497, 3266489917, 668265263, 374761393
"""Odd numbers that spread hashes over the buckets, another for each sort and place."""


def words_alone(x: Tensor, mask: Tensor, buckets: int) -> Tensor:
    """Buckets (B, L) of words (B, L, 3 + P) by their spelling; 0: none."""
    return _buckets(x[..., SPELLING] * ALONE, mask, buckets)


def neighbours(x: Tensor, mask: Tensor, buckets: int, *, span: int = 2) -> Tensor:
    """Buckets (B, at most L) of runs of two or three words that are all there; 0: none."""
    spelling, count = x[..., SPELLING], max(x.shape[1] - span + 1, 0)
    mixed, there = torch.zeros_like(spelling[:, :count]), torch.ones_like(mask[:, :count])
    for place, factor in enumerate((FIRST, SECOND, THIRD)[:span]):
        mixed = mixed + spelling[:, place : place + count] * factor
        there = there & mask[:, place : place + count]
    return _buckets(mixed, there, buckets)


def shapes(x: Tensor, mask: Tensor, buckets: int) -> Tensor:
    """Buckets (B, L) of how words are written: capitals, digits, signs; 0: none."""
    return _buckets(x[..., SHAPE] * SHAPED, mask, buckets)


def pieces(x: Tensor, mask: Tensor, buckets: int) -> Tensor:
    """Buckets (B, L P) of the pieces of words; 0: none."""
    found = x[..., PIECES:]
    return _buckets(found * PIECE, (found > 0) & mask[..., None], buckets).flatten(1)


def weighed(*found: tuple[Tensor, float]) -> tuple[Tensor, Tensor]:
    """Buckets of several sorts (B, ...) with the weight of each, side by side: buckets (B, n) and weights (B, n)."""
    weights = [torch.full(codes.shape, weight, device=codes.device) for codes, weight in found]
    return torch.cat([codes for codes, _ in found], 1), torch.cat(weights, 1)


def summed(codes: Tensor, vectors: Tensor, weights: Tensor | None = None) -> Tensor:
    """Vectors (B, D) of codes (B, n), summed; code 0 is none."""
    given = None if weights is None else weights.to(vectors.dtype)
    return torch.nn.functional.embedding_bag(codes, vectors, mode="sum", padding_idx=0, per_sample_weights=given)


def _buckets(mixed: Tensor, there: Tensor, buckets: int) -> Tensor:
    """Buckets from 1 where something is there, else 0."""
    return torch.where(there, (mixed >> 11) % (buckets - 1) + 1, 0)
