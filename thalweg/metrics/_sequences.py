"""Sequences of tokens of different lengths, and the edits between them.

Axes: B batch, S tokens of the prediction, T tokens of the target, W either.
"""

import torch
from torch import Tensor

from thalweg.metrics._metric import shape_refusal, spread


def both_sequences(prediction: Tensor, target: Tensor, mask: Tensor | None, *, metric: str) -> tuple[Tensor, Tensor]:
    """Prediction (B, S) and target (B, T), each moved to the left; -1 where there is no token.

    Tokens below 0 are none, on either side; `mask` (B, T) hides tokens of the target.

    Raises:
        UsageRefusal: these are no two batches of sequences.
    """
    if prediction.ndim != 2 or target.ndim != 2 or len(prediction) != len(target):
        raise shape_refusal(prediction, target, metric=metric, why="both are sequences of tokens, (B, S) and (B, T)")
    shown = target if mask is None else torch.where(spread(mask, target), target, -1)
    return _moved_left(prediction), _moved_left(shown)


def edit_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """(B,) the fewest insertions, deletions and substitutions that turn (B, S) into (B, T), both from `both_sequences`.

    One step per token of the prediction; insertions along the target are a running minimum.

    Reference: Wagner & Fischer 1974, doi:10.1145/321796.321811.
    """
    along = torch.arange(target.shape[1] + 1, device=target.device)
    costs = along.expand(len(target), -1)  # (B, T + 1): from nothing to each beginning of the target
    for token in prediction.T:  # (B,)
        substituted = costs[:, :-1] + (target != token[:, None]).long()
        best = torch.cat([costs[:, :1] + 1, torch.minimum(costs[:, 1:] + 1, substituted)], 1)
        inserted = (best - along).cummin(1).values + along
        costs = torch.where((token >= 0)[:, None], inserted, costs)
    return costs.gather(1, length(target)[:, None])[:, 0]


def length(tokens: Tensor) -> Tensor:
    """(B,) how many tokens each of (B, W) has."""
    return (tokens >= 0).sum(1)


def _moved_left(tokens: Tensor) -> Tensor:
    order = (tokens < 0).long().argsort(dim=1, stable=True)
    return tokens.long().gather(1, order).clamp(min=-1)
