"""Small trainings with one fault planted in each, in a loop that is not ours."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

import thalweg as tw

ROWS, INPUTS, CLASSES = 512, 20, 5


@dataclass(frozen=True)
class How:
    """What a loop does beside stepping."""

    batch: int = 64
    clear: bool = True
    training: Callable = nn.Module.train
    evaluating: Callable = nn.Module.eval


HOW = How()


def rows(seed=0):
    """Inputs and classes: the first few numbers, the largest of them."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(ROWS, INPUTS, generator=generator)
    return inputs, inputs[:, :CLASSES].argmax(1)


def net(*, activation=nn.ReLU, width=64, depth=2, end=(), norm=False, dropout=0.0):
    """Dense layers; weights are drawn from the seed that is set."""
    layers, last = [], INPUTS
    for _ in range(depth):
        layers += [nn.Linear(last, width), *([nn.BatchNorm1d(width)] if norm else []), activation()]
        layers += [nn.Dropout(dropout)] if dropout else []
        last = width
    return nn.Sequential(*layers, nn.Linear(last, CLASSES), *end)


def watched(model, data=None, *, optimizer=None, loss=F.cross_entropy, rate=1e-3, steps=60, every=None, how=HOW):
    """The doctor of a plain loop, after it; evaluates on fresh rows every so many steps."""
    inputs, classes = data or rows()
    held_out = rows(1) if data is None else data
    optimizer = optimizer or torch.optim.Adam([one for one in model.parameters() if one.requires_grad], lr=rate)
    with tw.doctor(model, optimizer, quiet=True) as doctor:
        for step in range(steps):
            how.training(model)
            chosen = torch.arange(step * how.batch, (step + 1) * how.batch) % len(inputs)
            if how.clear:
                optimizer.zero_grad()
            loss(model(inputs[chosen]), classes[chosen]).backward()
            optimizer.step()
            if every and (step + 1) % every == 0:
                how.evaluating(model)
                with torch.no_grad():
                    loss(model(held_out[0]), held_out[1])
    return doctor


def names(doctor):
    """What was found, the gravest first."""
    return [one["name"] for one in doctor.findings]


def scaled(model, gain):
    """All weights drawn with this standard deviation times the root of the fan-in."""
    for one in model.modules():
        if isinstance(one, nn.Linear):
            nn.init.normal_(one.weight, std=gain / math.sqrt(one.in_features))
    return model
