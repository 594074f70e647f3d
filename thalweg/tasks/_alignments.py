"""From frames to symbols: the best path, and the likeliest symbols over all their paths, of a net learned with CTC.

A path says one class a frame; equal neighbours are one symbol, and the blank (class 0) parts two equal ones.

Reference: Graves et al. 2006, doi:10.1145/1143844.1143891; the search after Hannun et al. 2014, arXiv:1408.2873.

Letters: B batch, T frames, C classes.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

BLANK = 0
NEVER = (-math.inf, -math.inf)

Prefix = tuple[int, ...]


def best_path(log_p: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The symbols of the likeliest path.

    Args:
        log_p: (B, T, C) log-probabilities.
        mask: (B, T) true on an example's frames.

    Returns:
        (B, T) symbols with -1 where there is none, and the (B,) log-probability of the path.
    """
    sure, path = log_p.max(2)
    before = torch.nn.functional.pad(path, (1, 0), value=BLANK)[:, :-1]
    said = mask & (path != BLANK) & (path != before)
    return path.masked_fill(~said, -1), (sure * mask).sum(1)


def likeliest(log_p: Tensor, mask: Tensor, *, beams: int) -> tuple[Tensor, Tensor]:
    """The symbols whose paths are the likeliest together, of the `beams` beginnings kept at each frame; as `best_path`."""
    lengths = mask.sum(1).tolist()
    found = [_searched(row[:length], beams) for row, length in zip(log_p.tolist(), lengths, strict=True)]
    symbols = torch.full(log_p.shape[:2], -1, device=log_p.device)
    for row, (prefix, _) in enumerate(found):
        symbols[row, : len(prefix)] = torch.tensor(prefix, dtype=torch.int64, device=log_p.device)
    return symbols, torch.tensor([sure for _, sure in found], device=log_p.device, dtype=log_p.dtype)


def _searched(frames: Sequence[Sequence[float]], beams: int) -> tuple[Prefix, float]:
    kept: dict[Prefix, tuple[float, float]] = {(): (0.0, -math.inf)}  # log-probability ending in the blank, in the last symbol
    for frame in frames:
        grown: dict[Prefix, tuple[float, float]] = {}
        for prefix, ends in kept.items():
            _grow(grown, prefix, ends, frame)
        ranked = sorted(grown.items(), key=lambda one: (-_sum(*one[1]), one[0]))
        kept = dict(ranked[:beams])
    best = max(kept, key=lambda prefix: _sum(*kept[prefix]))
    return best, _sum(*kept[best])


def _grow(grown: dict[Prefix, tuple[float, float]], prefix: Prefix, ends: tuple[float, float], frame: Sequence[float]) -> None:
    """Add what one more frame makes of a beginning: itself, or itself and one symbol."""
    both = _sum(*ends)
    blank, symbol = grown.get(prefix, NEVER)
    again = ends[1] + frame[prefix[-1]] if prefix else -math.inf
    grown[prefix] = (_sum(blank, both + frame[BLANK]), _sum(symbol, again))
    for code in range(BLANK + 1, len(frame)):
        source = ends[0] if prefix and prefix[-1] == code else both
        if source + frame[code] > -math.inf:
            blank, symbol = grown.get((*prefix, code), NEVER)
            grown[(*prefix, code)] = (blank, _sum(symbol, source + frame[code]))


def _sum(a: float, b: float) -> float:
    """log(exp a + exp b)."""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
