"""Convolutions over words: how strongly each of some learned patterns of neighbouring words occurs anywhere in a text.

Reference: Kim 2014, arXiv:1408.5882, eq. 1-4. Words at the edges are seen by all places of a pattern, as in Kalchbrenner et al.
2014, arXiv:1404.2188 (wide convolution), so that a text may be shorter than a pattern.

Letters: B batch, L words, D width, M maps, S words that a pattern spans.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

UNKNOWN = 1
"""The code of a word that training did not see."""


class WordVectors(nn.Module):
    """A vector for each word; in training some words count as unknown, so that what unknown words mean is learned.

    Vectors are learned `faster` times as fast as other weights: they are stored divided by it and multiplied when read.

    Args:
        words: codes, padding (0) and unknown (1) among them.
        width: D.
        left_out: share of the words that count as unknown in training.
    """

    def __init__(self, words: int, width: int, *, left_out: float = 0.0, faster: float = 1.0) -> None:
        super().__init__()
        self.left_out, self.faster = left_out, faster
        self.vectors = nn.Parameter(0.3 / faster * torch.randn(words, width))

    def forward(self, codes: Tensor, mask: Tensor) -> Tensor:
        """Codes (B, L) with a mask (B, L) to (B, L, D), zeros where nothing is."""
        if self.training and self.left_out > 0:
            codes = torch.where(torch.rand(codes.shape, device=codes.device) < self.left_out, UNKNOWN, codes)
        found = nn.functional.embedding(torch.where(mask, codes, 0), self.vectors * self.faster)
        return found.masked_fill(~mask[..., None], 0.0)


class WordConvolution(nn.Module):
    """Words (B, L, columns), their codes first, to the strongest answer of each map over all places (B, M for each span).

    Args:
        words: vectors (B, L, D) of codes (B, L) with a mask.
        inputs: D.
    """

    def __init__(self, words: WordVectors, inputs: int, maps: int, spans: Sequence[int]) -> None:
        super().__init__()
        self.words, self.spans, self.width = words, tuple(spans), maps * len(spans)
        self.convolutions = nn.ModuleList(nn.Conv1d(inputs, maps, span, padding=span - 1) for span in spans)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, L, columns) with a mask (B, L) to (B, width); zeros for a text without words."""
        turned, lengths = self.words(x[..., 0], mask).transpose(1, 2), mask.sum(1)[:, None]  # (B, D, L), (B, 1)
        found = zip(self.convolutions, self.spans, strict=True)
        return torch.cat([_strongest(convolution(turned), lengths, span) for convolution, span in found], 1)


def _strongest(answers: Tensor, lengths: Tensor, span: int) -> Tensor:
    """The greatest of the answers (B, M, L + S - 1) that saw a word (B, M), at least 0.

    A text of n words has n + S - 1 such places, one without words none.
    """
    places = torch.arange(answers.shape[2], device=answers.device)
    seen = places < torch.where(lengths > 0, lengths + span - 1, 0)  # (B, L + S - 1)
    return answers.relu().masked_fill(~seen[:, None], 0.0).amax(2)
