"""Seven nets on data of their own that nothing was corrected on: the next report is theirs; three need THALWEG_DATA."""

import os
from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmarks.doctor import unseen_data as data
from benchmarks.doctor.data import Data
from benchmarks.doctor.optimizers import adafactor, adagrad, amsgrad, centred, hasty, lion, rolling
from benchmarks.doctor.subject import Shape, Subject, facts, hidden


class Splice(nn.Module):
    """Gated convolutions over letters, their maximum, and a dense layer."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 20, shape.chosen(nn.ReLU)
        self.letters = nn.Embedding(5, 8)
        self.first, self.second = nn.Conv1d(8, 2 * w, 9, padding=4), nn.Conv1d(w, 2 * w, 5, stride=2)
        self.gate = nn.GLU(dim=1)
        self.deep = hidden([w, *[2 * w] * (1 + shape.depth)], act)
        self.drop = nn.Dropout(0.15 if shape.dropout is None else shape.dropout)
        self.say = nn.Linear(2 * w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 60) to (B, 3)
        x = self.gate(self.first(self.letters(x).transpose(1, 2)))
        x = self.gate(self.second(x)).amax(2)
        return self.say(self.drop(self.deep(x)))


SPLICE_GLU = Subject(
    "splice-glu", data.splice, Splice, adagrad, 0.03, "cycle",
    facts("classes dropout noise small deep"), ("first", "second"), batch=40, steps=240,
)  # fmt: skip


class Separable(nn.Module):
    """A convolution by channel and one over channels, normalised by groups, beside the input."""

    def __init__(self, width: int, act: type[nn.Module]):
        super().__init__()
        self.along = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.norm, self.across, self.act = nn.GroupNorm(1, width), nn.Conv1d(width, width, 1), act()

    def forward(self, x: Tensor) -> Tensor:  # (B, C, T)
        return x + self.act(self.across(self.norm(self.along(x))))


class Devices(nn.Module):
    """Separable blocks over a day, halved twice."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 24, shape.chosen(nn.Hardswish)
        self.stem = nn.Conv1d(1, w, 5, stride=2, padding=2)
        self.blocks = nn.Sequential(Separable(w, act), nn.AvgPool1d(2), Separable(w, act), nn.AvgPool1d(2), Separable(w, act))
        self.deep = hidden([2 * w, *[w] * (1 + shape.depth)], act)
        self.head = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 96) to (B, 7)
        x = self.blocks(self.stem(x))
        return self.head(self.deep(torch.cat([x.mean(2), x.amax(2)], 1)))


DEVICES_SEPARABLE = Subject(
    "devices-separable", data.devices, Devices, adafactor, 0.02, "restarts",
    facts("classes bare noise small deep"), ("blocks.2.across", "deep.0"), batch=48, steps=240,
)  # fmt: skip


class Concrete(nn.Module):
    """A perceptron that normalises itself, for a number: (B, 1)."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 40, shape.chosen(nn.SELU)
        self.input = nn.Linear(8, width)
        nn.init.normal_(self.input.weight, 0, 8**-0.5)
        self.act = act()
        self.inner = hidden([width] * (3 + shape.depth), act)
        self.strength = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, 8) to (B, 1)
        return self.strength(self.inner(self.act(self.input(x))))


CONCRETE_SELU = Subject(
    "concrete-selu", data.concrete, Concrete, amsgrad, 2e-3, "cycle",
    facts("bounded bare columns deep explodes"), ("inner.0", "input"), batch=32, steps=260,
)  # fmt: skip


class Solids(nn.Module):
    """A set of points: each by itself, their maximum and mean, then the whole."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 48, shape.chosen(nn.ReLU)
        self.point = hidden([3, w, w], act)
        self.whole = hidden([2 * w, *[w] * (1 + shape.depth)], act)
        self.which = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, P, 3) to (B, 6)
        x = self.point(x)
        return self.which(self.whole(torch.cat([x.amax(1), x.mean(1)], 1)))


SOLIDS_SET = Subject(
    "solids-set", data.solids, Solids, lion, 1e-3, "steps",
    facts("classes rectified bounded bare noise small deep explodes"), ("point.2", "whole.0"), batch=32, steps=300,
)  # fmt: skip


class Photographs(nn.Module):
    """Convolutions that each see all before them, with batch normalisation."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 10, shape.chosen(nn.ELU)
        seen = [3, *(3 + w * number for number in range(1, 4))]
        self.convs = nn.ModuleList(nn.Conv2d(before, w, 3, padding=1, bias=False) for before in seen[:3])
        self.norms, self.act = nn.ModuleList(nn.BatchNorm2d(w) for _ in range(3)), act()
        self.drop = nn.Dropout(0.1 if shape.dropout is None else shape.dropout)
        self.deep = hidden([4 * seen[3], *[4 * w] * (1 + shape.depth)], act)
        self.region = nn.Linear(4 * w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 3, 12, 12) to (B, 6)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = torch.cat([x, self.act(norm(conv(x)))], 1)
        x = nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)
        return self.region(self.drop(self.deep(x)))


PHOTOGRAPHS_DENSE = Subject(
    "photographs-dense", data.photographs, Photographs, rolling, 0.01, "restarts",
    facts("classes batch-norm dropout noise small deep"), ("convs.1", "deep.0"), batch=32, steps=240,
)  # fmt: skip


class Brackets(nn.Module):
    """A recurrent layer read where a second one looks, and a dense layer."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 32, shape.chosen(nn.Mish)
        self.signs = nn.Embedding(8, w)
        self.forth, self.look = nn.LSTM(w, w, batch_first=True), nn.Linear(w, 1)
        self.deep = hidden([2 * w, *[w] * (1 + shape.depth)], act)
        self.drop, self.depth = nn.Dropout(0.1 if shape.dropout is None else shape.dropout), nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, 4)
        states = self.forth(self.signs(x))[0]
        read = (states * self.look(states).softmax(1)).sum(1)
        return self.depth(self.drop(self.deep(torch.cat([read, states.amax(1)], 1))))


BRACKETS_LSTM = Subject(
    "brackets-lstm", data.brackets, Brackets, centred, 2e-3, "functions",
    facts("classes dropout noise small deep"), ("forth", "deep.0"), batch=36, steps=280,
)  # fmt: skip


class Spirals(nn.Module):
    """Fixed waves of the plane, and dense layers."""

    waves: Tensor

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 56, shape.chosen(nn.ReLU)
        self.register_buffer("waves", 1.5 * torch.randn(2, 16))
        widths = [34, *[w] * (2 + shape.depth)]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        self.act = act()
        self.arm = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 2) to (B, 5)
        turns = x @ self.waves
        x = torch.cat([x, turns.sin(), turns.cos()], 1)
        for layer in self.layers:
            x = self.act(layer(x))
        return self.arm(x)


SPIRALS_WAVES = Subject(
    "spirals-waves", data.spirals, Spirals, hasty, 3e-3, "epochs",
    facts("classes rectified bounded noise small deep explodes narrows"),
    ("layers.1", "layers.0"), batch=50, steps=264,
)  # fmt: skip

SUBJECTS = (SOLIDS_SET, PHOTOGRAPHS_DENSE, BRACKETS_LSTM, SPIRALS_WAVES)
REAL = (SPLICE_GLU, DEVICES_SEPARABLE, CONCRETE_SELU)


def subjects() -> tuple[Subject, ...]:
    """All that can be had here."""
    return SUBJECTS + (REAL if os.environ.get("THALWEG_DATA") else ())
