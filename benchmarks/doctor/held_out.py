"""Six nets in another style, under a loop of their own; reported once, since then rules may be corrected on them as well."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.data import Data
from benchmarks.doctor.optimizers import adam, adamw, momentum, nadam
from benchmarks.doctor.subject import Shape, Subject, facts, hidden


class Tumours(nn.Module):
    """A perceptron for two classes."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 24, shape.chosen(nn.ReLU)
        self.trunk = nn.Sequential(hidden([given.inputs.shape[1], width], act), hidden([width] * (2 + shape.depth), act))
        self.dropout = nn.Dropout(0.2 if shape.dropout is None else shape.dropout)
        self.final = nn.Linear(width, 2)

    def forward(self, inputs: Tensor) -> Tensor:  # (B, 30) to (B, 2)
        return self.final(self.dropout(self.trunk(inputs)))


TUMOURS_MLP = Subject(
    "tumours-mlp", data.cancer, Tumours, momentum, 0.01, "trainer",
    facts("classes dropout rectified bounded bare columns explodes deep"), ("trunk.1.0", "trunk.0.0"), steps=160,
)  # fmt: skip


class Shells(nn.Module):
    """Residual blocks of a table, normalised by layer."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 48, shape.chosen(nn.GELU)
        self.stem = nn.Linear(given.inputs.shape[1], width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * width), act(), nn.Linear(2 * width, width))
            for _ in range(3)
        )
        self.deep = hidden([width] * (1 + shape.depth), act)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 10) to (B, 5)
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(self.norm(self.deep(x)))


SHELLS_RESIDUAL = Subject(
    "shells-residual", data.shells, Shells, adamw, 2e-3, "trainer",
    facts("classes bare columns noise small deep"), ("blocks.1.1", "blocks.0.1"), batch=48, steps=320,
)  # fmt: skip


class Speed(nn.Module):
    """Two recurrent layers, one number: (B, 1)."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width = shape.width or 32
        self.conv = nn.Conv1d(1, width, 5, padding=2)
        self.bn = nn.BatchNorm1d(width) if shape.normalised else nn.Identity()
        self.rnn = nn.GRU(width, width, num_layers=2, batch_first=True)
        self.mlp = hidden([width] * (2 + shape.depth), shape.chosen(nn.ReLU))
        self.out = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, 1) to (B, 1)
        x = F.relu(self.bn(self.conv(x.transpose(1, 2)))).transpose(1, 2)
        return self.out(self.mlp(self.rnn(x)[0].mean(1)))


SPEED_GRU = Subject(
    "speed-gru", data.speeds, Speed, adam, 3e-3, "trainer",
    facts("normalisable rectified bare bounded deep"), ("rnn", "conv"), steps=280,
)  # fmt: skip


class Regions(nn.Module):
    """An encoder and a decoder with a bridge; a class for each point, (B, 144, 3)."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 12, shape.chosen(nn.ReLU)
        self.act = act()
        self.enc1, self.bn1 = nn.Conv2d(1, w, 3, padding=1), nn.BatchNorm2d(w)
        self.enc2, self.bn2 = nn.Conv2d(w, 2 * w, 3, stride=2, padding=1), nn.BatchNorm2d(2 * w)
        self.deep = nn.Sequential(*(m for _ in range(shape.depth) for m in (nn.Conv2d(2 * w, 2 * w, 3, padding=1), act())))
        self.up = nn.ConvTranspose2d(2 * w, w, 2, stride=2)
        self.dec = nn.Conv2d(2 * w if not shape.depth else w, w, 3, padding=1)
        self.bridged = not shape.depth
        self.last = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 12, 12) to (B, 144, 3)
        one = self.act(self.bn1(self.enc1(x)))
        two = self.up(self.deep(self.act(self.bn2(self.enc2(one)))))
        x = self.act(self.dec(torch.cat([one, two], 1) if self.bridged else two))
        return self.last(x.flatten(2).transpose(1, 2))


REGIONS_UNET = Subject(
    "regions-unet", data.regions, Regions, adam, 3e-3, "trainer",
    facts("classes batch-norm noise deep"), ("enc2", "dec"), batch=16, steps=240,
)  # fmt: skip


class Phrases(nn.Module):
    """Convolutions of three widths over embeddings, their maxima side by side."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, act = shape.width or 24, shape.chosen(nn.ReLU)
        self.embedding = nn.Embedding(given.tokens, w)
        self.convs = nn.ModuleList(nn.Conv1d(w, w, size) for size in (2, 3, 4))
        self.act, self.drop = act(), nn.Dropout(0.3 if shape.dropout is None else shape.dropout)
        self.fc = hidden([3 * w, *[w] * (1 + shape.depth)], act)
        self.out = nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, K)
        x = self.embedding(x).transpose(1, 2)
        x = torch.cat([self.act(conv(x)).amax(2) for conv in self.convs], 1)
        return self.out(self.fc(self.drop(x)))


PHRASES_CNN = Subject(
    "phrases-cnn", data.phrases, Phrases, nadam, 2e-3, "trainer",
    facts("classes dropout rectified bounded noise small deep narrows"), ("convs.0", "fc.0"), steps=320,
)  # fmt: skip


class Patches(nn.Module):
    """A small vision transformer with a class token, for stripes."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        w, dropout = shape.width or 32, 0.1 if shape.dropout is None else shape.dropout
        self.patch = nn.Conv2d(1, w, 3, 3)
        self.cls = nn.Parameter(torch.zeros(1, 1, w))
        self.pos = nn.Parameter(0.1 * torch.randn(1, 17, w))
        self.body = nn.ModuleList(
            nn.TransformerEncoderLayer(w, 4 if w >= 4 else 1, 2 * w, dropout, "gelu", batch_first=True) for _ in range(2)
        )
        self.deep = hidden([w] * (1 + shape.depth), shape.chosen(nn.GELU))
        self.ln, self.head = nn.LayerNorm(w), nn.Linear(w, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 12, 12) to (B, K)
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
        for block in self.body:
            x = block(x)
        return self.head(self.ln(self.deep(x[:, 0])))


STRIPES_VIT = Subject(
    "stripes-vit", data.textures, Patches, adamw, 2e-3, "trainer",
    facts("classes dropout bare noise small deep"), ("body.0.linear1", "body.1.linear2"), batch=48, steps=200,
)  # fmt: skip


SUBJECTS = (TUMOURS_MLP, SHELLS_RESIDUAL, SPEED_GRU, REGIONS_UNET, PHRASES_CNN, STRIPES_VIT)
