"""Six nets on which thresholds may be corrected."""

import torch
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.data import Data
from benchmarks.doctor.optimizers import adam, adamw, momentum
from benchmarks.doctor.subject import Shape, Subject, facts, hidden


class PictureNet(nn.Module):
    """Two convolutions and a dense layer."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 16, shape.chosen(nn.ReLU)
        norm = nn.BatchNorm2d if shape.normalised else nn.Identity
        self.conv1, self.norm1 = nn.Conv2d(1, width, 3, padding=1), norm(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1), norm(width)
        self.act, self.pool = act(), nn.MaxPool2d(2)
        self.deep = nn.Sequential(
            *(layer for _ in range(shape.depth) for layer in (nn.Conv2d(width, width, 3, padding=1), act()))
        )
        self.fc1 = nn.Linear(width * 16, 4 * width)
        self.dropout = nn.Dropout(0.25 if shape.dropout is None else shape.dropout)
        self.fc2 = nn.Linear(4 * width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 8, 8) to (B, K)
        x = self.act(self.norm1(self.conv1(x)))
        x = self.deep(self.pool(self.act(self.norm2(self.conv2(x)))))
        x = self.act(self.fc1(torch.flatten(x, 1)))
        return self.fc2(self.dropout(x))


DIGITS_CNN = Subject(
    "digits-cnn", data.digits, PictureNet, adam, 2e-3, "epochs",
    facts("narrows classes dropout normalisable rectified bounded bare noise small deep explodes"),
    ("conv2", "fc1"), steps=234,
)  # fmt: skip


class TableNet(nn.Module):
    """A perceptron."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width = shape.width or 96
        self.body = hidden([given.inputs.shape[1], *[width] * (2 + shape.depth)], shape.chosen(nn.ReLU))
        self.dropout = nn.Dropout(0.1 if shape.dropout is None else shape.dropout)
        self.head = nn.Linear(width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, d) to (B, K)
        return self.head(self.dropout(self.body(x)))


TABLE_MLP = Subject(
    "table-mlp", data.clusters, TableNet, momentum, 0.05, "steps",
    facts("narrows classes dropout rectified bounded bare columns noise small deep explodes two-are-few"),
    ("body.2", "body.0"), steps=300,
)  # fmt: skip


class SequenceTransformer(nn.Module):
    """Two blocks of attention over tokens, averaged."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, dropout = shape.width or 32, 0.1 if shape.dropout is None else shape.dropout
        self.tokens = nn.Embedding(given.tokens, width)
        self.places = nn.Parameter(torch.randn(given.inputs.shape[1], width) * 0.1)
        block = nn.TransformerEncoderLayer(width, min(4, width), 4 * width, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.deep = hidden([width] * (1 + shape.depth), shape.chosen(nn.GELU))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T) to (B, K)
        x = self.blocks(self.tokens(x) + self.places)
        return self.head(self.norm(self.deep(x.mean(1))))


TOKENS_TRANSFORMER = Subject(
    "tokens-transformer", data.majority, SequenceTransformer, adamw, 2e-3, "functions",
    facts("classes dropout noise small deep"),
    ("blocks.layers.0.linear1", "blocks.layers.1.linear2"), steps=264,
)  # fmt: skip


class WaveLSTM(nn.Module):
    """An LSTM over a series, perhaps behind a normalised convolution, and a dense layer."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 40, shape.chosen(nn.ReLU)
        channels = given.inputs.shape[2]
        self.front = nn.Conv1d(channels, 8, 5, padding=2) if shape.normalised else nn.Identity()
        self.norm = nn.BatchNorm1d(8) if shape.normalised else nn.Identity()
        self.lstm = nn.LSTM(8 if shape.normalised else channels, width, batch_first=True)
        self.dense = hidden([width] * (2 + shape.depth), act)
        self.head = nn.Linear(width, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C) to (B, K)
        x = self.norm(self.front(x.transpose(1, 2))).transpose(1, 2)
        states, _ = self.lstm(x)
        return self.head(self.dense(states[:, -1]))


WAVES_LSTM = Subject(
    "waves-lstm", data.waves, WaveLSTM, adam, 5e-3, "steps",
    facts("narrows classes normalisable rectified bare noise deep explodes"),
    ("lstm", "dense.0"), steps=480,
)  # fmt: skip


class Residual(nn.Module):
    """Two normalised convolutions beside the input."""

    def __init__(self, width: int, act: type[nn.Module]):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.act = act()

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return self.act(x + self.bn2(self.conv2(self.act(self.bn1(self.conv1(x))))))


class ResidualNet(nn.Module):
    """A stem and two residual blocks with batch normalisation."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width, act = shape.width or 16, shape.chosen(nn.ReLU)
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), act())
        self.layer1, self.layer2 = Residual(width, act), Residual(width, act)
        self.pool = nn.MaxPool2d(2)
        self.deep = nn.Sequential(
            *(layer for _ in range(shape.depth) for layer in (nn.Conv2d(width, width, 3, padding=1), act()))
        )
        self.fc = nn.Linear(width * 4, given.classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, 1, 8, 8) to (B, K)
        x = self.pool(self.layer1(self.stem(x)))
        x = self.deep(self.pool(self.layer2(x)))
        return self.fc(x.flatten(1))


DIGITS_RESNET = Subject(
    "digits-resnet", data.digits, ResidualNet, momentum, 0.03, "functions",
    facts("narrows classes batch-norm noise small deep"),
    ("layer1.conv1", "layer2.conv2"), steps=234,
)  # fmt: skip


class NumberNet(nn.Module):
    """A perceptron with tanh for one number."""

    def __init__(self, shape: Shape, given: Data):
        super().__init__()
        width = shape.width or 48
        self.layers = hidden([given.inputs.shape[1], *[width] * (2 + shape.depth)], shape.chosen(nn.Tanh))
        self.out = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, d) to (B,)
        return self.out(self.layers(x)).squeeze(-1)


NUMBERS_MLP = Subject(
    "numbers-mlp", data.diabetes, NumberNet, adam, 1e-3, "epochs",
    facts("bounded bare columns deep"),
    ("layers.2", "layers.0"), batch=16, steps=240,
)  # fmt: skip


SUBJECTS = (DIGITS_CNN, TABLE_MLP, TOKENS_TRANSFORMER, WAVES_LSTM, DIGITS_RESNET, NUMBERS_MLP)
