"""Thirty extreme tensors of any shape, by number; the last three hold a value that is no number, or an infinite one."""

import math

import torch
from torch import Tensor

COUNT = 30
FINITE = 27
NOT_A_NUMBER = 27


def extreme(like: Tensor, number: int) -> Tensor:
    """The extreme of that number: float32, in the shape of `like`, whose values the milder ones stretch."""
    own, shape = like.float(), like.shape
    turns = torch.where(torch.arange(like.numel()).reshape(shape) % 2 == 0, 1.0, -1.0)
    ramp = torch.linspace(-1, 1, max(like.numel(), 2))[: like.numel()].reshape(shape)
    everywhere = [0.0, -0.0, 1.0, -1.0, 1e4, -1e4, 0.1, 1e-8, 1e-40, 1e12]
    patterns = [1e4 * turns, -1e4 * turns, 1e-40 * turns, 1e-30 * turns, 1e8 * turns, ramp, -ramp, 1e4 * ramp, 100 * ramp]
    scaled = [1e4 * own, -1e4 * own, 1e-20 * own, own.round()]
    made = [torch.full(shape, one) for one in everywhere] + patterns + scaled
    made += [with_one(torch.zeros(shape), one) for one in (1e4, -1e4)]
    made += [with_one(torch.full(shape, 1e-40), 1e4), with_one(own, -1e4)]
    made += [with_one(own, one) for one in (math.nan, math.inf, -math.inf)]
    assert len(made) == COUNT
    return made[number]


def with_one(values: Tensor, one: float, place: int = 0) -> Tensor:
    """The same with another value in one place."""
    changed = values.contiguous().clone()
    changed.view(-1)[place] = one
    return changed
