"""Seven nets more; with THALWEG_DATA nine, two of them on real data.

The first version of the doctor was reported on them; since then thresholds may be corrected on them as well.
"""

import os

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.data import Data
from benchmarks.doctor.optimizers import adam, adamw, nesterov, plain, rmsprop
from benchmarks.doctor.subject import Shape, Subject, facts, hidden


class StripesVGG(nn.Module):
    """Three normalised convolutions, pooled over the picture."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 16, shape.chosen(nn.LeakyReLU)
        layers: list[nn.Module] = []
        for before, after, stride in ((1, w, 1), (w, 2 * w, 2), (2 * w, 2 * w, 2), *[(2 * w, 2 * w, 1)] * shape.depth):
            layers += [
                nn.Conv2d(before, after, 3, stride, 1),
                nn.BatchNorm2d(after) if not shape.depth else nn.Identity(),
                act(),
            ]
        self.features = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.2 if shape.dropout is None else shape.dropout)
        self.classifier = nn.Linear(2 * w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 12, 12) to (B, K)
        return self.classifier(self.drop(self.features(x).mean((2, 3))))


STRIPES_VGG = Subject(
    "stripes-vgg", data.textures, StripesVGG, adamw, 3e-3, "functions",
    facts("narrows classes batch-norm dropout noise small deep"),
    ("features.3", "features.6"), batch=48, steps=200,
)  # fmt: skip


class WordsGRU(nn.Module):
    """An embedding and a GRU in both directions, its states taken by their maximum."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width = shape.width or 32
        self.embed = nn.Embedding(given.tokens, width)
        self.gru = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.mlp = hidden([2 * width, *[2 * width] * (1 + shape.depth)], shape.chosen(nn.ReLU))
        self.drop = nn.Dropout(0.2 if shape.dropout is None else shape.dropout)
        self.out = nn.Linear(2 * width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, K)
        states, _ = self.gru(self.embed(x))
        return self.out(self.drop(self.mlp(states.amax(1))))


WORDS_GRU = Subject(
    "words-gru", data.orders, WordsGRU, rmsprop, 2e-3, "epochs",
    facts("narrows classes dropout rectified noise small deep"),
    ("gru", "mlp.0"), steps=320,
)  # fmt: skip

QUESTIONS_GRU = Subject(
    "questions-gru", data.questions, WordsGRU, adam, 2e-3, "functions",
    facts("classes dropout rectified small deep"),
    ("gru", "mlp.0"), steps=400,
)  # fmt: skip


class Mixed(nn.Module):
    """A block of a mixer: over patches, then over channels."""

    def __init__(self, patches: int, width: int, act: type[nn.Module]):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.over_patches = nn.Sequential(nn.Linear(patches, 2 * patches), act(), nn.Linear(2 * patches, patches))
        self.over_channels = nn.Sequential(nn.Linear(width, 2 * width), act(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:  # (B, P, C)
        x = x + self.over_patches(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.over_channels(self.norm2(x))


class DigitsMixer(nn.Module):
    """A mixer of sixteen patches of 2 x 2."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 32, shape.chosen(nn.GELU)
        self.patch = nn.Conv2d(1, width, 2, 2)
        self.mix1, self.mix2 = Mixed(16, width, act), Mixed(16, width, act)
        self.deep = hidden([width] * (1 + shape.depth), act)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 8, 8) to (B, K)
        x = self.mix2(self.mix1(self.patch(x).flatten(2).transpose(1, 2)))
        return self.head(self.norm(self.deep(x.mean(1))))


DIGITS_MIXER = Subject(
    "digits-mixer", data.digits, DigitsMixer, adamw, 2e-3, "steps",
    facts("classes bare noise small bounded deep"),
    ("mix2.over_channels.0", "mix1.over_patches.0"), steps=264,
)  # fmt: skip


class WineNet(nn.Module):
    """A small perceptron that gives a dictionary, as some libraries' models do."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 32, shape.chosen(nn.ReLU)
        self.enter, self.act = nn.Linear(given.inputs.shape[1], width), act()
        self.middle = hidden([width] * (2 + shape.depth), act)
        self.leave = nn.Linear(width, given.classes)

    def forward(self, columns: Tensor) -> Tensor:  # (B, d) to (B, K)
        return self.leave(self.middle(self.act(self.enter(columns))))


WINE_MLP = Subject(
    "wine-mlp", data.wine, WineNet, plain, 0.1, "steps",
    facts("narrows classes rectified bounded bare columns noise deep explodes"),
    ("middle.0", "enter"), batch=24, steps=200,
)  # fmt: skip


class BeatsTCN(nn.Module):
    """Convolutions over time that look ever further, with batch normalisation and ReLU as functions."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w = shape.width or 16
        self.activation = shape.chosen(nn.ReLU)
        self.convs = nn.ModuleList(nn.Conv1d(2 if k == 0 else w, w, 3, padding=2**k, dilation=2**k) for k in range(3))
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for _ in range(3))
        self.deep = nn.Sequential(
            *(one for _ in range(shape.depth) for one in (nn.Conv1d(w, w, 3, padding=1), self.activation()))
        )
        self.fc1, self.fc2 = nn.Linear(2 * w, 2 * w), nn.Linear(2 * w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 2, T) to (B, K)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = self._active(norm(conv(x)))
        x = self.deep(x)
        x = self._active(self.fc1(torch.cat([x.mean(2), x.amax(2)], 1)))
        return self.fc2(x)

    def _active(self, x: Tensor) -> Tensor:
        return F.relu(x) if self.activation is nn.ReLU else self.activation()(x)


BEATS_TCN = Subject(
    "beats-tcn", data.beats, BeatsTCN, nesterov, 0.02, "epochs",
    facts("narrows classes batch-norm noise small deep"),
    ("convs.1", "fc1"), steps=248,
)  # fmt: skip


class FriedmanNet(nn.Module):
    """A perceptron with ReLU and dropout for a number, (B, 1)."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 64, shape.chosen(nn.ReLU)
        self.net = hidden([given.inputs.shape[1], *[width] * (2 + shape.depth)], act)
        self.net.append(nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:  # (B, d) to (B, 1)
        return self.net(x)


FRIEDMAN_MLP = Subject(
    "friedman-mlp", data.friedman, FriedmanNet, nesterov, 0.02, "functions",
    facts("narrows rectified bounded bare columns deep explodes two-are-few"),
    ("net.2", "net.0"), steps=264,
)  # fmt: skip


class Causal(nn.Module):
    """Attention to what went before, and two layers, both beside their input."""

    def __init__(self, width: int, heads: int, dropout: float, act: type[nn.Module]):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), act(), nn.Linear(4 * width, width), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D)
        B, T, D = x.shape
        q, k, v = self.qkv(self.ln1(x)).view(B, T, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(seen.transpose(1, 2).reshape(B, T, D))
        return x + self.mlp(self.ln2(x))


class LettersGPT(nn.Module):
    """A small language model: what follows each letter."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, dropout = shape.width or 32, 0.1 if shape.dropout is None else shape.dropout
        self.wte, self.wpe = nn.Embedding(given.classes, width), nn.Embedding(given.inputs.shape[1], width)
        self.h = nn.ModuleList(Causal(width, 2 if width > 1 else 1, dropout, nn.GELU) for _ in range(2))
        self.deep = hidden([width] * (1 + shape.depth), shape.chosen(nn.GELU))
        self.ln_f, self.lm_head = nn.LayerNorm(width), nn.Linear(width, given.classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, T, K)
        x = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(self.deep(x)))


LETTERS_GPT = Subject(
    "letters-gpt", data.letters, LettersGPT, adamw, 3e-3, "steps",
    facts("classes dropout deep"),
    ("h.0.mlp.0", "h.1.qkv"), batch=16, steps=280,
)  # fmt: skip


class ClothesNet(nn.Module):
    """LeNet, with ReLU."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 6, shape.chosen(nn.ReLU)
        self.conv1, self.conv2 = nn.Conv2d(1, w, 5, padding=2), nn.Conv2d(w, 2 * w, 5)
        self.act, self.pool = act(), nn.AvgPool2d(2)
        self.dense = hidden([2 * w * 25, *[14 * w] * (1 + shape.depth)], act)
        self.drop = nn.Dropout(0.2 if shape.dropout is None else shape.dropout)
        self.last = nn.Linear(14 * w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 28, 28) to (B, K)
        x = self.pool(self.act(self.conv1(x)))
        x = self.pool(self.act(self.conv2(x)))
        return self.last(self.drop(self.dense(x.flatten(1))))


CLOTHES_LENET = Subject(
    "clothes-lenet", data.fashion, ClothesNet, adam, 2e-3, "steps",
    facts("narrows classes dropout rectified bounded bare noise deep explodes"),
    ("conv2", "dense.0"), batch=48, steps=264,
)  # fmt: skip


SUBJECTS = (STRIPES_VGG, WORDS_GRU, DIGITS_MIXER, WINE_MLP, BEATS_TCN, FRIEDMAN_MLP, LETTERS_GPT)

REAL = (CLOTHES_LENET, QUESTIONS_GRU)


def subjects() -> tuple[Subject, ...]:
    """All that can be had here."""
    return SUBJECTS + (REAL if os.environ.get("THALWEG_DATA") else ())
