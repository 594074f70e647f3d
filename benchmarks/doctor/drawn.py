"""Six nets more on data of their own; reported once, since then rules may be corrected on them as well."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import drawn_data as data
from benchmarks.doctor.data import Data
from benchmarks.doctor.development import Residual
from benchmarks.doctor.optimizers import adam, adamax, decayed, heavy, radam
from benchmarks.doctor.subject import Shape, Subject, facts, hidden


class Signs(nn.Module):
    """Three convolutions, pooled twice, and two dense layers."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 10, shape.chosen(nn.ReLU)
        norm = nn.BatchNorm2d if shape.normalised else nn.Identity
        widths = [1, w, 2 * w, 2 * w, *[2 * w] * shape.depth]
        self.convs = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in pairwise(widths))
        self.norms, self.act = nn.ModuleList(norm(after) for after in widths[1:]), act()
        self.dense, self.answer = nn.Linear(2 * w * 9, 5 * w), nn.Linear(5 * w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 13, 13) to (B, K)
        for number, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
            x = self.act(norm(conv(x)))
            x = F.max_pool2d(x, 2) if number < 2 else x
        return self.answer(self.act(self.dense(x.flatten(1))))


SIGNS_CNN = Subject(
    "signs-cnn", data.signs, Signs, adamax, 6e-3, "functions",
    facts("classes normalisable rectified bounded bare noise small deep narrows"),
    ("convs.1", "dense"), batch=32, steps=248,
)  # fmt: skip


class Heights(nn.Module):
    """A perceptron of three wide layers with dropout behind each."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 80, shape.chosen(nn.ReLU)
        share = 0.1 if shape.dropout is None else shape.dropout
        widths = [given.inputs.shape[1], *[width] * (3 + shape.depth)]
        self.layers = nn.Sequential(
            *(part for before, after in pairwise(widths) for part in (nn.Linear(before, after), act(), nn.Dropout(share)))
        )
        self.logits = nn.Linear(width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 14) to (B, K)
        return self.logits(self.layers(x))


HEIGHTS_MLP = Subject(
    "heights-mlp", data.heights, Heights, radam, 4e-3, "trainer",
    facts("classes dropout rectified bounded bare columns noise small deep explodes narrows"),
    ("layers.3", "layers.0"), batch=64, steps=320,
)  # fmt: skip


class Attending(nn.Module):
    """Attention and two layers, each normalised behind its sum."""

    def __init__(self, width: int, share: float):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 3 if width % 3 == 0 else 1, dropout=share, batch_first=True)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.first, self.second, self.drop = nn.LayerNorm(width), nn.LayerNorm(width), nn.Dropout(share)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, D)
        x = self.first(x + self.drop(self.attention(x, x, x, need_weights=False)[0]))
        return self.second(x + self.drop(self.down(F.gelu(self.up(x)))))


class Firsts(nn.Module):
    """A transformer of two blocks; its first place answers."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, share = shape.width or 24, 0.1 if shape.dropout is None else shape.dropout
        self.words = nn.Embedding(given.tokens, w)
        self.where = nn.Parameter(0.3 * torch.randn(given.inputs.shape[1] + 1, w))
        self.start = nn.Parameter(torch.zeros(1, 1, w))
        self.blocks = nn.ModuleList(Attending(w, share) for _ in range(2))
        self.deep = hidden([w] * (2 + shape.depth), shape.chosen(nn.GELU))
        self.to_classes = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, K)
        x = torch.cat([self.start.expand(len(x), -1, -1), self.words(x)], 1) + self.where
        for block in self.blocks:
            x = block(x)
        return self.to_classes(self.deep(x[:, 0]))


FIRSTS_TRANSFORMER = Subject(
    "firsts-transformer", data.firsts, Firsts, decayed, 2e-3, "epochs",
    facts("classes dropout noise small deep"), ("blocks.0.up", "blocks.1.down"), batch=40, steps=216,
)  # fmt: skip


class Machine(nn.Module):
    """Two LSTM layers over three channels; the mean of their states answers."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 28, shape.chosen(nn.ReLU)
        self.enter = nn.Conv1d(given.inputs.shape[2], w, 1)
        self.norm = nn.BatchNorm1d(w) if shape.normalised else nn.Identity()
        self.memory = nn.LSTM(w, w, num_layers=2, batch_first=True)
        self.dense = hidden([w] * (2 + shape.depth), act)
        self.leave = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, 3) to (B, K)
        x = self.norm(self.enter(x.transpose(1, 2))).transpose(1, 2)
        return self.leave(self.dense(self.memory(x)[0].mean(1)))


MACHINE_LSTM = Subject(
    "machine-lstm", data.machine, Machine, adam, 4e-3, "steps",
    facts("classes normalisable rectified bare noise deep narrows"), ("memory", "dense.0"), batch=24, steps=280,
)  # fmt: skip


class Tiles(nn.Module):
    """Three residual blocks with batch normalisation, the picture halved between them."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 12, shape.chosen(nn.ReLU)
        self.enter = nn.Conv2d(3, w, 3, padding=1)
        self.stages = nn.ModuleList(Residual(w, act) for _ in range(3))
        self.deep = nn.Sequential(*(m for _ in range(shape.depth) for m in (nn.Conv2d(w, w, 3, padding=1), act())))
        self.drop, self.head = nn.Dropout(0.1 if shape.dropout is None else shape.dropout), nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 3, 12, 12) to (B, K)
        x = self.enter(x)
        for number, stage in enumerate(self.stages):
            x = stage(x)
            x = F.avg_pool2d(x, 2) if number < 2 else x
        return self.head(self.drop(self.deep(x).amax((2, 3))))


TILES_RESNET = Subject(
    "tiles-resnet", data.tiles, Tiles, heavy, 0.05, "trainer",
    facts("classes batch-norm dropout noise small deep"), ("stages.0.conv1", "stages.2.conv2"), batch=24, steps=200,
)  # fmt: skip


class Loads(nn.Module):
    """A perceptron for a number, (B,)."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 56, shape.chosen(nn.ReLU)
        self.body = hidden([given.inputs.shape[1], *[width] * (3 + shape.depth)], act)
        self.number = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, 6) to (B,)
        return self.number(self.body(x)).flatten()


LOADS_MLP = Subject(
    "loads-mlp", data.loads, Loads, heavy, 0.02, "steps",
    facts("rectified bounded bare columns deep explodes"), ("body.2", "body.0"), batch=100, steps=240,
)  # fmt: skip


SUBJECTS = (SIGNS_CNN, HEIGHTS_MLP, FIRSTS_TRANSFORMER, MACHINE_LSTM, TILES_RESNET, LOADS_MLP)
