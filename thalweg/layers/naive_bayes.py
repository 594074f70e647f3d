"""Naive Bayes over words, pairs and triples of words, shapes and pieces of words: counted once, not learned by slopes.

For each of them stands how much likelier it is in a class than outside of it, as a logarithm; a text answers with their
weighted sum over the root of its length, and the logarithm of how frequent each class is. What stands in it twice counts once.
Slopes cannot better it: a training row's own words are among what was counted, so that training rows seem solved at the start.

Reference: Wang & Manning 2012, ACL 90-94 (log ratios of what is present). Weights, length and hashing are our own (LOG.md).

Letters: B batch, L words, P pieces of a word, n all that is made of a text, K buckets, C classes.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from thalweg.fields.ports import Port, Ports
from thalweg.layers import hashed_words
from thalweg.layers.start import Start, StartsFromData

WORD, PAIR, TRIPLE, WRITTEN, PIECE = 0.42, 0.42, 0.17, 0.2, 0.1
"""Weights of log ratios. Fitted to left-out training rows of SST-2, MR and TREC they came out alike."""
SMOOTHING = 1.0
"""Added to each count."""
BUCKETS, MOST_RATIOS = 1 << 18, 1 << 22
"""Buckets of words and what is made of them, and numbers that a table holds at most: many classes share fewer buckets."""


class LogRatios(StartsFromData, nn.Module):
    """One text (B, L, 3 + P) to what its words tell of each class (B, C); zeros before it has started."""

    def __init__(self, port: Port, classes: int) -> None:
        super().__init__()
        self.name = port.name
        self.buckets = max(16, min(BUCKETS, MOST_RATIOS // classes))
        self.ratios = nn.Buffer(torch.zeros(self.buckets, classes))  # (K, C)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, L, 3 + P) with a mask (B, L) to (B, C)."""
        codes, weights = self._found(x, mask)
        told = hashed_words.summed(codes, self.ratios, weights)
        return told / mask.sum(1, keepdim=True).clamp(min=1).sqrt().to(told.dtype)

    def _found(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Buckets (B, n), each once in a row and otherwise 0, and weights (B, n)."""
        codes, weights = hashed_words.weighed(
            (hashed_words.words_alone(x, mask, self.buckets), WORD),
            (hashed_words.neighbours(x, mask, self.buckets), PAIR),
            (hashed_words.neighbours(x, mask, self.buckets, span=3), TRIPLE),
            (hashed_words.shapes(x, mask, self.buckets), WRITTEN),
            (hashed_words.pieces(x, mask, self.buckets), PIECE),
        )
        ordered, places = codes.sort(dim=1, stable=True)
        again = torch.cat([torch.zeros_like(mask[:, :1]), ordered[:, 1:] == ordered[:, :-1]], 1)[:, : ordered.shape[1]]
        return ordered.masked_fill(again, 0), weights.gather(1, places)

    def start(self, start: Start) -> None:
        target = start.target
        if target is None or target.size != self.ratios.shape[1]:
            return
        counts = torch.zeros_like(self.ratios, dtype=torch.float64)
        for batch in start.batches:
            codes, _ = self._found(batch[self.name], batch[f"{self.name}_mask"])
            told = nn.functional.one_hot(batch[target.name], target.size).double()  # (B, C)
            counts.index_add_(0, codes.flatten(), told[:, None].expand(-1, codes.shape[1], -1).flatten(0, 1))
        (counted,) = start.processes.sum([counts])
        self.ratios.copy_(log_ratios(counted))


class NaiveBayes(StartsFromData, nn.Module):
    """Texts by their ports' names to logits (B, C)."""

    def __init__(self, ports: Ports) -> None:
        super().__init__()
        classes = ports.output.width
        self.texts = nn.ModuleDict({port.name: LogRatios(port, classes) for port in ports.inputs})
        self.often = nn.Buffer(torch.zeros(classes))  # (C,) logarithms

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Texts with their masks to (B, C)."""
        told: list[Tensor] = [one(inputs[name], inputs[f"{name}_mask"]) for name, one in self.texts.items()]
        return torch.stack(told).sum(0) + self.often

    def start(self, start: Start) -> None:
        target = start.target
        if target is None or target.size != len(self.often):
            return
        counts = torch.zeros_like(self.often, dtype=torch.float64)
        for batch in start.batches:
            counts += batch[target.name].bincount(minlength=target.size)
        (counted,) = start.processes.sum([counts])
        self.often.copy_(((counted + SMOOTHING) / (counted + SMOOTHING).sum()).log())


def log_ratios(counts: Tensor) -> Tensor:
    """Log ratios (K, C) of counts (K, C); zeros where nothing was counted: what training did not see tells nothing."""
    counts[0] = 0  # padding
    often = counts.sum(1, keepdim=True)
    seen = int((often > 0).sum())
    within, outside = counts + SMOOTHING, often - counts + SMOOTHING
    shares = within / (counts.sum(0) + SMOOTHING * seen), outside / ((often - counts).sum(0) + SMOOTHING * seen)
    return torch.where(often > 0, shares[0].log() - shares[1].log(), 0.0)
