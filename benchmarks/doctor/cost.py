"""What watching costs: steps with and without the doctor, in turn, on one core.

Each net is trained in stretches, one with and one without, their order changing from round to round; a round gives one ratio of
the stretches' processor time, and the median over rounds with the interval of the median (by order) is shown.
Stretches are long enough for samples to fall as in a long run: the first, dense ones are passed before the clock starts.
"""

import contextlib
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import thalweg as tw


@dataclass(frozen=True)
class Timed:
    """A net whose step takes about so long on one core.

    Attributes:
        made: the net and one batch.
        steps: in a stretch.
        before: steps that are watched before the clock starts.
    """

    name: str
    made: Callable[[], tuple[nn.Module, Tensor, Tensor]]
    steps: int
    before: int


def _lstm() -> tuple[nn.Module, Tensor, Tensor]:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(8, 48, batch_first=True), nn.Linear(48, 6)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.lstm(x)[0][:, -1])

    return Last(), torch.randn(32, 40, 8), torch.randint(6, (32,))


def _small_cnn() -> tuple[nn.Module, Tensor, Tensor]:
    layers: list[nn.Module] = []
    for before, after in ((1, 16), (16, 16), (16, 16)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 10)), torch.randn(48, 1, 8, 8), torch.randint(10, (48,))


def _transformer() -> tuple[nn.Module, Tensor, Tensor]:
    block = nn.TransformerEncoderLayer(64, 4, 256, 0.1, batch_first=True, norm_first=True)
    body = nn.TransformerEncoder(block, 3, enable_nested_tensor=False)
    net = nn.Sequential(nn.Embedding(50, 64), body, nn.Flatten(), nn.Linear(64 * 16, 10))
    return net, torch.randint(50, (16, 16)), torch.randint(10, (16,))


def _cnn() -> tuple[nn.Module, Tensor, Tensor]:
    net = nn.Sequential(
        nn.Conv2d(3, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 48, 3, padding=1),
        nn.BatchNorm2d(48), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48 * 64, 10),
    )  # fmt: skip
    return net, torch.randn(32, 3, 32, 32), torch.randint(10, (32,))


def _wide() -> tuple[nn.Module, Tensor, Tensor]:
    net = nn.Sequential(nn.Linear(512, 1536), nn.ReLU(), nn.Linear(1536, 1536), nn.ReLU(), nn.Linear(1536, 10))
    return net, torch.randn(256, 512), torch.randint(10, (256,))


NETS = (
    Timed("small CNN", _small_cnn, 200, 600),
    Timed("LSTM", _lstm, 150, 600),
    Timed("transformer", _transformer, 100, 500),
    Timed("CNN", _cnn, 60, 500),
    Timed("wide MLP", _wide, 50, 100),
)


@dataclass(frozen=True)
class Cost:
    """What a net's steps take, in milliseconds, and by how many per cent longer they take watched.

    Attributes:
        low: lower end of the median's 95 % interval, in per cent.
    """

    name: str
    milliseconds: float
    median: float
    low: float
    high: float
    rounds: int


def measured(net: Timed, rounds: int) -> Cost:
    """Stretches in turn, of one process and one net: two processes differ by as much as is measured, whatever they do."""
    torch.manual_seed(0)
    model, x, y = net.made()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    doctor = tw.doctor(model, optimizer, quiet=True)
    with doctor:
        _train(model, optimizer, x, y, net.before)  # past the first samples
    plain, ratios = [], []
    for number in range(rounds):
        seconds = {}
        for watched in (False, True) if number % 2 else (True, False):
            with doctor if watched else contextlib.nullcontext():
                begun = time.process_time()
                _train(model, optimizer, x, y, net.steps)
                seconds[watched] = time.process_time() - begun
        plain.append(seconds[False] / net.steps)
        ratios.append(100 * (seconds[True] / seconds[False] - 1))
    low, high = _of_median(ratios)
    return Cost(net.name, 1e3 * statistics.median(plain), statistics.median(ratios), low, high, rounds)


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()


def _of_median(values: list[float]) -> tuple[float, float]:
    """The 95 % interval of the median, by order."""
    ordered, n = sorted(values), len(values)
    reach = int(0.98 * math.sqrt(n))
    return ordered[max(0, n // 2 - reach - 1)], ordered[min(n - 1, n // 2 + reach)]


def table(rounds: int) -> str:
    """All nets."""
    lines = ["| net | ms a step | longer when watched | 95 % | rounds |", "|---|---|---|---|---|"]
    for net in NETS:
        cost = measured(net, rounds)
        longer = f"{cost.median:+.1f} % | {cost.low:+.1f} to {cost.high:+.1f} %"
        lines.append(f"| {cost.name} | {cost.milliseconds:.1f} | {longer} | {cost.rounds} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)
