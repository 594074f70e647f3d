"""Writing on: symbols drawn one after another from what a model tells of them.

Letters: B batch, T symbols, V symbols that there are.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from thalweg.fields.kinds.symbols import UNKNOWN
from thalweg.layers.continuing import Continuing


def written(
    continuing: Continuing | None,
    logits: Callable[[Tensor], Tensor],
    begun: Tensor,
    drawn: Tensor,
    *,
    longest: int,
    temperature: float,
) -> Tensor:
    """The codes (B, T) that go on from what is begun (B, any length).

    A model that remembers what it read reads each symbol once; when its window is full it begins again with the later half of
    it, so that places and distances stay within those that it learned. Another reads the last window at every symbol.

    Args:
        logits: from codes (B, t) to logits (B, t, V), for what remembers nothing.
        drawn: (B, T) numbers from [0, 1), one for each symbol that is written.
        longest: symbols of a window.
        temperature: what logits are divided by; 0: the likeliest symbol each time.
    """
    kept, codes = begun[:, -longest:], [begun[:, :0]]
    past: Any = None
    unread = kept
    for index in range(drawn.shape[1]):
        if continuing is None:
            told = logits(kept[:, -longest:])
        else:
            if kept.shape[1] > longest:
                kept = kept[:, -max(longest // 2, 1) :]
                past, unread = None, kept
            told, past = continuing.continued(unread, past)
        unread = chosen(told[:, -1], drawn[:, index], temperature)[:, None]
        codes.append(unread)
        kept = torch.cat([kept[:, -longest:], unread], 1)
    return torch.cat(codes, 1)


def chosen(logits: Tensor, drawn: Tensor, temperature: float) -> Tensor:
    """Codes (B,) of logits (B, V): where the sum of probabilities passes a number drawn from [0, 1)."""
    told = logits.double().clone()
    told[:, UNKNOWN] = -torch.inf
    if temperature == 0:
        return told.argmax(1)
    total = (told / temperature).softmax(1).cumsum(1)
    found = torch.searchsorted(total, (drawn.double() * total[:, -1]).unsqueeze(1), right=True)[:, 0]
    return found.clamp(max=told.shape[1] - 1)
