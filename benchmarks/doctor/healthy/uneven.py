"""Rows, classes and places that do not count alike; reported once, since then rules may be corrected on them."""

import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn

from benchmarks.doctor import data, drawn_data
from benchmarks.doctor.data import cut
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, judged, kind, perceptron, validate
from benchmarks.doctor.loops import Watch


@kind("half-blank", "every second row says nothing")
def blank(seed: int, watch: Watch) -> Ended:
    """Of every second row all columns are missing: those answers are guesses, the others are right."""
    given = drawn_data.heights(seed)
    draw = torch.Generator().manual_seed(seed)
    for rows in (given.inputs, given.held_out_inputs):
        rows[torch.rand(len(rows), generator=draw) < 0.5] = 0.0
    model = perceptron(14, 64, 64, 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 64, 500, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 60 == 59:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.4)


@kind("class-weights", "a weighted loss of rare classes")
def weighted(seed: int, watch: Watch) -> Ended:
    """Rare classes count more, so that the loss is none of the usual."""
    x, y = datasets.make_classification(
        5000, 14, n_informative=8, n_classes=5, n_clusters_per_class=1, weights=[0.6, 0.2, 0.1, 0.05], class_sep=1.3,
        random_state=seed,
    )  # fmt: skip
    given = cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), 5, seed=seed)
    weights = 1 / torch.bincount(given.targets, minlength=5).float()
    criterion = nn.CrossEntropyLoss(weight=weights / weights.mean())
    model = perceptron(14, 48, 5)
    optimizer = torch.optim.RAdam(model.parameters(), lr=4e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 50, 320, seed)):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, criterion)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


class Pooled(nn.Module):
    """Places of a series weighed by a layer of one unit."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.enter, self.weigh = nn.Conv1d(channels, 24, 5, padding=2), nn.Linear(24, 1)
        self.leave = nn.Linear(24, classes)

    def forward(self, x: Tensor) -> Tensor:  # (B, T, C) to (B, K)
        x = F.relu(self.enter(x.transpose(1, 2))).transpose(1, 2)
        return self.leave((x * self.weigh(x).softmax(1)).sum(1))


@kind("attention-pooling", "a layer of one unit weighs places")
def pooled(seed: int, watch: Watch) -> Ended:
    """Attention by one unit."""
    given = data.waves(seed)
    model = Pooled(1, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 40, 320, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.5)


@kind("one-cycle", "ten times the usual rate in the middle")
def one_cycle(seed: int, watch: Watch) -> Ended:
    """A rate that climbs to ten times the usual and falls to nothing, clipped gradients."""
    given = drawn_data.tiles(seed)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1),
        nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(24, 8),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=300)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 300, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if step % 50 == 49:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


@kind("at-places", "a class for each point, most of them ground")
def at_places(seed: int, watch: Watch) -> Ended:
    """A class for each point; three in four points are ground."""
    given = data.regions(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2), nn.SiLU(), nn.Conv2d(12, 12, 5, padding=2), nn.SiLU(), nn.Conv2d(12, 3, 1)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def criterion(scores: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(scores.flatten(2), y)

    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 16, 240, seed)):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            if step % 30 == 29:
                validate(model, given, criterion)
    with torch.no_grad():
        right = (model(given.held_out_inputs).argmax(1).flatten(1) == given.clean_targets).float().mean().item()
    return judged(watched, "accuracy", right, least=0.85)


@kind("easy-first", "hard rows come later")
def easy_first(seed: int, watch: Watch) -> Ended:
    """Rows in the order of their noise, the hard ones last."""
    given = drawn_data.machine(seed)
    roughness = given.inputs.diff(dim=1).abs().mean((1, 2))
    order = roughness.argsort()
    model = nn.Sequential(nn.Flatten(), nn.Linear(108, 64), nn.Tanh(), nn.Linear(64, 4))
    optimizer = torch.optim.Adamax(model.parameters(), lr=4e-3)
    draw = torch.Generator().manual_seed(seed)
    with watch(model, optimizer) as watched:
        for step in range(320):
            known = order[: max(200, int(len(order) * min(1.0, step / 160)))]
            rows = known[torch.randint(len(known), (40,), generator=draw)]
            optimizer.zero_grad()
            F.cross_entropy(model(given.inputs[rows]), given.targets[rows]).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.5)


KINDS = (
    blank,
    weighted,
    pooled,
    one_cycle,
    at_places,
    easy_first,
)
