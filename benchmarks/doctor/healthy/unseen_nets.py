"""Nets and steps that nothing was corrected on: they are only reported."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from benchmarks.doctor import data, drawn_data, unseen_data
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, fitted, judged, kind, perceptron, picture_net, validate
from benchmarks.doctor.loops import Watch


class Squeezed(nn.Module):
    """A convolution whose channels are weighed by two units that see all of them."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 3, padding=1)
        self.down, self.up = nn.Linear(after, 2), nn.Linear(2, after)

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        x = torch.relu(self.conv(x))
        return x * torch.sigmoid(self.up(torch.relu(self.down(x.mean((2, 3))))))[:, :, None, None]


@kind("squeezed", "two units weigh the channels")
def squeezed(seed: int, watch: Watch) -> Ended:
    """Squeeze and excitation."""
    given = drawn_data.signs(seed)
    model = nn.Sequential(Squeezed(1, 16), nn.MaxPool2d(2), Squeezed(16, 24), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(216, 7))
    watched = fitted(model, torch.optim.Adam(model.parameters(), lr=4e-3), given, watch, seed=seed, steps=320)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


class Rounded(nn.Linear):
    """A layer whose weights are -1 or 1 on the way forward, and numbers on the way back."""

    def forward(self, x: Tensor) -> Tensor:
        size = self.weight.abs().mean()
        rounded = self.weight + (self.weight.sign() * size - self.weight).detach()
        return F.linear(x, rounded, self.bias)


@kind("binary-weights", "weights by their signs alone")
def binary_weights(seed: int, watch: Watch) -> Ended:
    """Slopes pass the signs straight through."""
    given = data.digits(seed)
    model = nn.Sequential(nn.Flatten(), Rounded(64, 128), nn.ReLU(), Rounded(128, 128), nn.ReLU(), nn.Linear(128, 10))
    watched = fitted(model, torch.optim.Adam(model.parameters(), lr=2e-3), given, watch, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.85)


@kind("pruned", "four in five weights are put to zero after each step")
def pruned(seed: int, watch: Watch) -> Ended:
    """A mask that is drawn once."""
    given, model = drawn_data.heights(seed), perceptron(14, 128, 128, 6)
    draw = torch.Generator().manual_seed(seed)
    masks = [torch.rand(one.shape, generator=draw) < 0.2 for one in model.parameters() if one.dim() > 1]

    def mask() -> None:
        with torch.no_grad():
            for one, kept in zip([one for one in model.parameters() if one.dim() > 1], masks, strict=True):
                one.mul_(kept)

    mask()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    watched = fitted(model, optimizer, given, watch, seed=seed, after=lambda step: mask())
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


@kind("weight-norm", "lengths and directions of weights apart")
def weight_norm(seed: int, watch: Watch) -> Ended:
    """The parametrization by weight norm."""
    given, model = data.waves(seed), nn.Sequential(nn.Flatten(), perceptron(32, 96, 96, 5, activation=nn.LeakyReLU))
    for layer in [one for one in model.modules() if isinstance(one, nn.Linear)]:
        parametrizations.weight_norm(layer)
    watched = fitted(model, torch.optim.Adam(model.parameters(), lr=3e-3), given, watch, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


@kind("noisy-steps", "clipped gradients with noise, as privacy asks")
def noisy_steps(seed: int, watch: Watch) -> Ended:
    """Gradients are clipped together and made noisy before each step."""
    given, model = data.digits(seed), perceptron(64, 48, 10, activation=nn.Tanh)
    model.insert(0, nn.Flatten())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.25)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 96, 320, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for one in model.parameters():
                one.grad.add_(torch.randn_like(one), alpha=0.01)
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.8)


@kind("two-numbers", "a plane of two numbers before the classes, to be drawn")
def two_numbers(seed: int, watch: Watch) -> Ended:
    """Pictures are laid out on a plane, and told apart there, by four classes."""
    digits = data.digits(seed)
    four = digits.targets < 4
    given = data.cut(digits.inputs[four], digits.targets[four], 4, seed=seed)
    model = nn.Sequential(picture_net(2), nn.PReLU(), nn.Linear(2, 4))
    watched = fitted(model, torch.optim.Adam(model.parameters(), lr=3e-3), given, watch, seed=seed, steps=400)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


class Experts(nn.Module):
    """Six small nets, of which one answers each row."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(20, 6)
        self.experts = nn.ModuleList(perceptron(20, 32, 8) for _ in range(6))

    def forward(self, x: Tensor) -> Tensor:  # (B, 20) to (B, 8)
        share, chosen = self.gate(x).softmax(1).max(1)
        answers = torch.stack([expert(x) for expert in self.experts], 1)
        return share[:, None] * answers[torch.arange(len(x)), chosen]


@kind("experts", "one of six nets answers each row")
def experts(seed: int, watch: Watch) -> Ended:
    """The gate learns by the answer's size alone; some experts may see hardly a row."""
    given, model = data.clusters(seed), Experts()
    watched = fitted(model, torch.optim.Adam(model.parameters(), lr=4e-3), given, watch, seed=seed, steps=400)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


@kind("growing-pictures", "pictures become larger on the way")
def growing_pictures(seed: int, watch: Watch) -> Ended:
    """Of 6 x 6 points at first, then 9, then 13."""
    given = drawn_data.signs(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 20, 3, padding=1), nn.BatchNorm2d(20), nn.ReLU(), nn.Conv2d(20, 30, 3, padding=1), nn.BatchNorm2d(30),
        nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(270, 7),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 360, seed)):
            small = F.interpolate(x, size=(6, 9, 13)[min(2, step // 90)], mode="bilinear")
            optimizer.zero_grad()
            F.cross_entropy(model(small), y).backward()
            optimizer.step()
            if step % 45 == 44:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.5)


@kind("sines", "a net of sines, its weights large by design")
def sines(seed: int, watch: Watch) -> Ended:
    """A picture as a function of its place: 30 sin(w x), as such nets are made."""

    class Sine(nn.Module):
        def __init__(self, before: int, after: int, *, first: bool = False):
            super().__init__()
            self.layer = nn.Linear(before, after)
            most = 1 / before if first else math.sqrt(6 / before) / 30
            nn.init.uniform_(self.layer.weight, -most, most)

        def forward(self, x: Tensor) -> Tensor:
            return torch.sin(30 * self.layer(x))

    draw = torch.Generator().manual_seed(seed)
    x = 2 * torch.rand(3000, 2, generator=draw) - 1
    given = data.cut(x, torch.sin(5 * x[:, 0]) * torch.cos(4 * x[:, 1] + x[:, 0]), 0, seed=seed)
    model = nn.Sequential(Sine(2, 48, first=True), Sine(48, 48), nn.Linear(48, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    watched = fitted(model, optimizer, given, watch, criterion=F.mse_loss, seed=seed)
    return judged(watched, "squared error", validate(model, given, F.mse_loss), most=0.1)


@kind("many-columns", "a word of each place has weights of its own")
def many_columns(seed: int, watch: Watch) -> Ended:
    """Embeddings side by side, by Adagrad with decay."""
    given = drawn_data.firsts(seed)
    model = nn.Sequential(
        nn.Embedding(25, 12), nn.Flatten(), nn.LayerNorm(144), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 5)
    )
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.03, weight_decay=1e-3)
    watched = fitted(model, optimizer, given, watch, seed=seed, steps=400)
    return judged(watched, "accuracy", accuracy(model, given), least=0.35)


@kind("spirals-by-hand", "all rows at once, and noise in the plane")
def spirals_by_hand(seed: int, watch: Watch) -> Ended:
    """Resilient steps over all rows: the sizes of slopes say nothing."""
    given, model = unseen_data.spirals(seed), perceptron(2, 64, 64, 5, activation=nn.Tanh)
    optimizer = torch.optim.Rprop(model.parameters(), lr=2e-3)
    with watch(model, optimizer) as watched:
        for step in range(200):
            optimizer.zero_grad()
            F.cross_entropy(model(given.inputs), given.targets).backward()
            optimizer.step()
            if step % 25 == 24:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.8)


KINDS = (
    squeezed,
    binary_weights,
    pruned,
    weight_norm,
    noisy_steps,
    two_numbers,
    experts,
    growing_pictures,
    sines,
    many_columns,
    spirals_by_hand,
)
