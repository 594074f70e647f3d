"""Convolutions over words: how strongly each of some learned patterns of neighbouring words occurs anywhere in a text.

Words at the edges are seen by all places of a pattern, so that a text may be shorter than a pattern.

Reference: Kim 2014, arXiv:1408.5882, eq. 1-4; wide convolution: Kalchbrenner et al. 2014, arXiv:1404.2188; pieces of words:
Bojanowski et al. 2017, doi:10.1162/tacl_a_00051.

Letters: B batch, L words, D width, M maps, S words that a pattern spans.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from thalweg.layers.hashed_words import pieces, summed

UNKNOWN = 1
"""The code of a word that training did not see."""


class WordVectors(nn.Module):
    """A vector for each word, of its own and of its hashed pieces, so that rare words share what their pieces mean.

    In training some words count as unknown and without pieces, so that what unknown words mean is learned.

    Vectors are learned `faster` times as fast as other weights: they are stored divided by it and multiplied when read.

    Args:
        words: codes, padding (0) and unknown (1) among them.
        width: D.
        pieces: buckets of pieces of words; 0: words have vectors of their own only.
        left_out: share of the words that count as unknown in training.
    """

    def __init__(self, words: int, width: int, *, pieces: int = 0, left_out: float = 0.0, faster: float = 1.0) -> None:
        super().__init__()
        self.left_out, self.faster = left_out, faster
        self.vectors = nn.Parameter(0.3 / faster * torch.randn(words, width))
        self.pieces = nn.Parameter(0.3 / faster * torch.randn(pieces, width)) if pieces else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Words (B, L, columns), their codes first, with a mask (B, L) to (B, L, D), zeros where nothing is."""
        codes, known = x[..., 0], mask
        if self.training and self.left_out > 0:
            known = mask & (torch.rand(mask.shape, device=mask.device) >= self.left_out)
            codes = torch.where(known, codes, UNKNOWN)
        found = nn.functional.embedding(torch.where(mask, codes, 0), self.vectors)
        if self.pieces is not None:
            found = found + self._of_pieces(x, known, self.pieces)
        return (found * self.faster).masked_fill(~mask[..., None], 0.0)

    @staticmethod
    def _of_pieces(x: Tensor, known: Tensor, vectors: Tensor) -> Tensor:
        """The sum of the vectors of each word's pieces over the root of their number (B, L, D)."""
        codes = pieces(x, known, len(vectors)).unflatten(1, (*known.shape[1:], -1)).flatten(0, 1)  # (B L, P)
        count = (codes > 0).sum(1, keepdim=True).clamp(min=1)
        return (summed(codes, vectors) / count.sqrt().to(vectors.dtype)).view(*known.shape, -1)


class WordConvolution(nn.Module):
    """Words (B, L, columns), their codes first, to the strongest answer of each map over all places (B, M for each span).

    Args:
        words: vectors (B, L, D) of words (B, L, columns) with a mask.
        inputs: D.
    """

    def __init__(self, words: WordVectors, inputs: int, maps: int, spans: Sequence[int]) -> None:
        super().__init__()
        self.words, self.spans, self.width = words, tuple(spans), maps * len(spans)
        self.convolutions = nn.ModuleList(nn.Conv1d(inputs, maps, span, padding=span - 1) for span in spans)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, L, columns) with a mask (B, L) to (B, width); zeros for a text without words."""
        turned, lengths = self.words(x, mask).transpose(1, 2), mask.sum(1)[:, None]  # (B, D, L), (B, 1)
        found = zip(self.convolutions, self.spans, strict=True)
        return torch.cat([_strongest(convolution(turned), lengths, span) for convolution, span in found], 1)


def _strongest(answers: Tensor, lengths: Tensor, span: int) -> Tensor:
    """The greatest of the answers (B, M, L + S - 1) that saw a word (B, M), at least 0.

    A text of n words has n + S - 1 such places, one without words none.
    """
    places = torch.arange(answers.shape[2], device=answers.device)
    seen = places < torch.where(lengths > 0, lengths + span - 1, 0)  # (B, L + S - 1)
    return answers.masked_fill(~seen[:, None], 0.0).max(2).values.relu()  # of one number each, not of all
