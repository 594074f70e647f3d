"""Text as one vector: the sum of learned vectors of its words, pairs of words, shapes and pieces, over the root of its length.

All but words are hashed. All vectors begin almost at zero, so that what training did not see says nothing.

Reference: Joulin et al. 2017, arXiv:1607.01759 (bags of hashed n-grams); Bojanowski et al. 2017, doi:10.1162/tacl_a_00051
(pieces).

Letters: B batch, L words, P pieces of a word, D width.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import encoder
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port
from thalweg.layers import hashed_words
from thalweg.layers.encoded import Encoder
from thalweg.layers.tiny_texts import tiny_port, tiny_rows

PIECE = 0.3
"""Weight of a piece, where that of a word or a pair is 1."""


class TextSettings(Settings):
    """How wide the vectors are, and how many n-grams are told apart."""

    width: int = Field(16, ge=1, le=4096, description="numbers that stand for a text")
    buckets: int = Field(1 << 15, ge=16, le=1 << 22, description="vectors shared by pairs, shapes and pieces of words, by hash")
    left_out: float = Field(0.4, ge=0, lt=1, description="share of the words dropped in training")


@encoder("text", settings=TextSettings, paper="Joulin et al. 2017, arXiv:1607.01759")
class TextEncoder(Encoder):
    """Words (B, L, 3 + P), as the kind describes them, to one vector (B, D); zeros for a text without words."""

    def __init__(self, port: Port, settings: TextSettings) -> None:
        super().__init__()
        self.left_out, self.width, self.buckets = settings.left_out, settings.width, settings.buckets
        self.words = nn.Parameter(0.001 * torch.randn(port.sizes[0], settings.width))  # (V, D)
        self.hashed = nn.Parameter(0.001 * torch.randn(settings.buckets, settings.width))  # (buckets, D)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, L, 3 + P) with a mask (B, L) to (B, D)."""
        mask = x[..., 0] > 0 if mask is None else mask
        if self.training and self.left_out > 0:
            mask = mask & (torch.rand(mask.shape, device=mask.device) >= self.left_out)
        codes, weights = hashed_words.weighed(
            (hashed_words.neighbours(x, mask, self.buckets), 1.0),
            (hashed_words.shapes(x, mask, self.buckets), 1.0),
            (hashed_words.pieces(x, mask, self.buckets), PIECE),
        )
        words = hashed_words.summed(torch.where(mask, x[..., 0], 0), self.words)
        found = words + hashed_words.summed(codes, self.hashed, weights)
        return found / mask.sum(1, keepdim=True).clamp(min=1).sqrt().to(found.dtype)

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Eight texts of up to four words, with two pieces each; one is empty."""
        rows = tiny_rows(generator)
        return tiny_port(), {"text": rows["text"], "text_mask": rows["text_mask"]}
