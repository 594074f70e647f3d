"""The optimizers of subjects, as people set them: made of weights and a rate."""

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
