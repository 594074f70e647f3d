"""The optimizers of subjects, as people set them: made of weights and a rate."""

import torch
from torch import optim
from torch.optim import Optimizer

from benchmarks.doctor.subject import Weights


def momentum(weights: Weights, rate: float) -> Optimizer:
    return optim.SGD(weights, lr=rate, momentum=0.9)


def adam(weights: Weights, rate: float) -> Optimizer:
    return optim.Adam(weights, lr=rate)


def adamw(weights: Weights, rate: float) -> Optimizer:
    return optim.AdamW(weights, lr=rate, weight_decay=0.01)


def nesterov(weights: Weights, rate: float) -> Optimizer:
    return optim.SGD(weights, lr=rate, momentum=0.9, nesterov=True, weight_decay=1e-4)


def rmsprop(weights: Weights, rate: float) -> Optimizer:
    return optim.RMSprop(weights, lr=rate)


def plain(weights: Weights, rate: float) -> Optimizer:
    return optim.SGD(weights, lr=rate)


def nadam(weights: Weights, rate: float) -> Optimizer:
    return optim.NAdam(weights, lr=rate)


def radam(weights: Weights, rate: float) -> Optimizer:
    return optim.RAdam(weights, lr=rate)


def adamax(weights: Weights, rate: float) -> Optimizer:
    return optim.Adamax(weights, lr=rate)


def decayed(weights: Weights, rate: float) -> Optimizer:
    return optim.AdamW(weights, lr=rate, betas=(0.9, 0.98), weight_decay=0.05)


def heavy(weights: Weights, rate: float) -> Optimizer:
    return optim.SGD(weights, lr=rate, momentum=0.8, weight_decay=5e-4)


def adagrad(weights: Weights, rate: float) -> Optimizer:
    return optim.Adagrad(weights, lr=rate)


def adafactor(weights: Weights, rate: float) -> Optimizer:
    return optim.Adafactor(weights, lr=rate)


def amsgrad(weights: Weights, rate: float) -> Optimizer:
    return optim.AdamW(weights, lr=rate, amsgrad=True, weight_decay=1e-3)


def centred(weights: Weights, rate: float) -> Optimizer:
    return optim.RMSprop(weights, lr=rate, alpha=0.95, centered=True, momentum=0.3)


def hasty(weights: Weights, rate: float) -> Optimizer:
    return optim.Adam(weights, lr=rate, betas=(0.8, 0.95), eps=1e-6)


def rolling(weights: Weights, rate: float) -> Optimizer:
    return optim.SGD(weights, lr=rate, momentum=0.95, weight_decay=1e-3)


def lion(weights: Weights, rate: float) -> Optimizer:
    return Lion(weights, rate)


class Lion(Optimizer):
    """Steps by the sign of a running mean of gradients, a user's own class.

    Reference: Chen et al. 2023, arXiv:2302.06675, algorithm 2.
    """

    def __init__(self, weights: Weights, lr: float):
        super().__init__(weights, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for weight in (one for one in group["params"] if one.grad is not None):
                mean = self.state[weight].setdefault("mean", torch.zeros_like(weight))
                weight.sub_(torch.lerp(weight.grad, mean, 0.9).sign_(), alpha=group["lr"])
                mean.lerp_(weight.grad, 0.01)
