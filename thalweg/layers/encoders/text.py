"""Text as one vector: the mean of learned vectors of its words, pairs of words and pieces of words, the latter two hashed.

The first columns start where a naive Bayes classifier would put them: at the logarithm of how much likelier a word is in a
class than outside of it (for numbers: at the mean of the target where the word stands). So a net begins where counting ends.

Reference: Joulin et al. 2017, arXiv:1607.01759 (bags of hashed n-grams); Bojanowski et al. 2017, doi:10.1162/tacl_a_00051
(pieces); Wang & Manning 2012, ACL 90-94 (log ratios). The start is our own.

Letters: B batch, L words, P pieces, D width, C classes.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import encoder
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port
from thalweg.layers.encoded import Encoder
from thalweg.layers.start import Start, StartsFromData
from thalweg.layers.tiny_texts import tiny_port, tiny_rows

SPELLING, SHAPE, PIECES = 1, 2, 3
"""Columns of a word after its code: the hash of its spelling, that of its shape, and from there those of its pieces."""
PAIR, AFTER, SHAPED, PIECE = 2654435761, 2246822519, 3266489917, 668265263
"""Odd numbers that spread hashes over the buckets, another for each sort."""


class TextSettings(Settings):
    """How wide the vectors are, and how many n-grams are told apart."""

    width: int = Field(16, ge=1, le=4096, description="numbers that stand for a text")
    buckets: int = Field(1 << 15, ge=16, le=1 << 22, description="vectors shared by pairs, shapes and pieces of words, by hash")
    left_out: float = Field(0.4, ge=0, lt=1, description="share of the words dropped in training")
    pairs: float = Field(0.5, ge=0, le=10, description="weight of a pair of words, where that of a word is 1")
    smoothing: float = Field(1.0, gt=0, le=1000, description="added to each count before the first columns are computed")


@encoder("text", settings=TextSettings, paper="Joulin et al. 2017, arXiv:1607.01759")
class TextEncoder(Encoder, StartsFromData):
    """Words (B, L, 3 + P), as the kind describes them, to the mean of their vectors (B, D); zeros for a text without words."""

    def __init__(self, port: Port, settings: TextSettings) -> None:
        super().__init__()
        self.port, self.left_out, self.smoothing = port, settings.left_out, settings.smoothing
        self.pairs = settings.pairs
        self.width, self.buckets = settings.width, settings.buckets
        self.words = nn.Parameter(0.1 * torch.randn(port.sizes[0], settings.width))  # (V, D)
        self.hashed = nn.Parameter(0.1 * torch.randn(settings.buckets, settings.width))  # (buckets, D)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, 3 + P) with a mask (B, L) to (B, D)."""
        mask = x[..., 0] > 0 if mask is None else mask
        if self.training and self.left_out > 0:
            mask = mask & (torch.rand(mask.shape, device=mask.device) >= self.left_out)
        words, hashed, weights = self._found(x, mask)
        summed = _summed(words, self.words) + _summed(hashed, self.hashed, weights)
        return summed / mask.sum(1, keepdim=True).clamp(min=1).to(summed.dtype)

    def _found(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Codes of words (B, L), buckets (B, n) of pairs, shapes and pieces, and how much each of these counts (B, n); 0: none.

        The pieces of a word count as much together as the word.
        """
        spelling = x[..., SPELLING]
        following = mask[:, :-1] & mask[:, 1:]
        pairs = self._buckets(spelling[:, :-1] * PAIR + spelling[:, 1:] * AFTER, following)
        shapes = self._buckets(x[..., SHAPE] * SHAPED, mask)
        there = (x[..., PIECES:] > 0) & mask[..., None]
        pieces = self._buckets(x[..., PIECES:] * PIECE, there)  # (B, L, P)
        share = (1.0 / there.sum(2, keepdim=True).clamp(min=1)).to(self.hashed.dtype).expand(pieces.shape)
        hashed = torch.cat([pairs, shapes, pieces.flatten(1)], 1)
        few = torch.full_like(pairs, self.pairs, dtype=share.dtype)
        weights = torch.cat([few, torch.ones_like(shapes, dtype=share.dtype), share.flatten(1)], 1)
        return torch.where(mask, x[..., 0], 0), hashed, weights

    def _buckets(self, mixed: Tensor, there: Tensor) -> Tensor:
        """Buckets from 1 where something is there, else 0."""
        return torch.where(there, (mixed >> 11) % (self.buckets - 1) + 1, 0)

    def start(self, start: Start) -> None:
        target = start.target
        columns = 0 if target is None else target.width
        if target is None or not 0 < columns <= self.width:
            return
        by_word = self.words.new_zeros(len(self.words), columns + 1, dtype=torch.float64)
        by_hash = self.hashed.new_zeros(len(self.hashed), columns + 1, dtype=torch.float64)
        for batch in start.batches:
            told = _told(batch[target.name], target)  # (B, columns + 1)
            mask = batch.get(f"{self.port.name}_mask")
            x = batch[self.port.name]
            words, hashed, _ = self._found(x, x[..., 0] > 0 if mask is None else mask)
            _count(by_word, words, told)
            _count(by_hash, hashed, told)
        for vectors, counted in zip((self.words, self.hashed), start.processes.sum([by_word, by_hash]), strict=True):
            vectors[:, :columns] = self._first_columns(counted, target).to(vectors.dtype)

    def _first_columns(self, counted: Tensor, target: Port) -> Tensor:
        """(n, C) of counts (n, C + 1), the last column of which holds how often each n-gram stands at all."""
        counted[0] = 0  # padding
        found, often = counted[:, :-1], counted[:, -1:]
        if target.size is None:
            return found / (often + self.smoothing)
        within, outside = found + self.smoothing, often - found + self.smoothing
        return (within / within.sum(0)).log() - (outside / outside.sum(0)).log()

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Eight texts of up to four words, with two pieces each; one is empty."""
        rows = tiny_rows(generator)
        return tiny_port(), {"text": rows["text"], "text_mask": rows["text_mask"]}


def _summed(codes: Tensor, vectors: Tensor, weights: Tensor | None = None) -> Tensor:
    """Vectors (B, D) of codes (B, n), summed; code 0 is none."""
    return nn.functional.embedding_bag(codes, vectors, mode="sum", padding_idx=0, per_sample_weights=weights)


def _told(target: Tensor, port: Port) -> Tensor:
    """What a row tells of all its words (B, C + 1): its class or its values, and that it is there."""
    if port.size is not None and not target.is_floating_point() and target.dim() == 1:
        target = nn.functional.one_hot(target, port.size)
    target = target.double().reshape(len(target), -1)
    return torch.cat([target, target.new_ones(len(target), 1)], 1)


def _count(counts: Tensor, codes: Tensor, told: Tensor) -> None:
    """Add what each row tells (B, C + 1) to the counts (n, C + 1) of all its codes (B, k)."""
    every = told[:, None].expand(-1, codes.shape[1], -1).reshape(-1, told.shape[1])
    counts.index_add_(0, codes.flatten(), every)
