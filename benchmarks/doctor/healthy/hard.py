"""Data on which little can be reached, or that look odd: overlapping, rare, few, sparse, augmented, mixed; and odd measures."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn import datasets
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.data import Data, cut
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, fitted, judged, kind, perceptron, picture_net, validate
from benchmarks.doctor.loops import Watch


def _table(rows: int, classes: int, *, apart: float, flipped: float, seed: int) -> Data:
    x, y = datasets.make_classification(
        rows, 16, n_informative=8, n_redundant=2, n_classes=classes, n_clusters_per_class=1, class_sep=apart, flip_y=flipped,
        random_state=seed,
    )  # fmt: skip
    return cut(torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32), torch.tensor(y), classes, seed=seed)


def _fitted(
    given: Data, model: nn.Module, watch: Watch, *, rate: float = 2e-3, decay: float = 0.0, steps: int = 300, seed: int = 0
):
    """An ordinary loop over classes, by AdamW; gives what was watched."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    return fitted(model, optimizer, given, watch, steps=steps, seed=seed)


@kind("overlapping", "twelve classes over each other, a third right")
def overlapping(seed: int, watch: Watch) -> Ended:
    """Twelve classes that lie over each other: a third is right, and no more can be had."""
    given, model = _table(6000, 12, apart=0.6, flipped=0.0, seed=seed), perceptron(16, 64, 12)
    watched = _fitted(given, model, watch, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.2)


@kind("doubtful-labels", "a tenth of the labels are wrong")
def doubtful(seed: int, watch: Watch) -> Ended:
    """Five classes, of which a tenth of the labels are wrong: as sets are."""
    given, model = _table(5000, 5, apart=1.0, flipped=0.1, seed=seed), perceptron(16, 64, 5)
    watched = _fitted(given, model, watch, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.5)


@kind("rare", "one in twenty is positive")
def rare(seed: int, watch: Watch) -> Ended:
    """One in twenty is positive, and counts more."""
    x, y = datasets.make_classification(6000, 12, n_informative=6, weights=[0.95], class_sep=1.2, random_state=seed)
    given = cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), 2, seed=seed)
    model, criterion = perceptron(12, 48, 1), nn.BCEWithLogitsLoss(pos_weight=torch.tensor(10.0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 64, 300, seed)):
            optimizer.zero_grad()
            criterion(model(x).squeeze(1), y.float()).backward()
            optimizer.step()
            if step % 50 == 49:
                validate(model, given, lambda z, y: criterion(z.squeeze(1), y.float()))
    answers = model(given.held_out_inputs).squeeze(1) > 0
    found = answers[given.clean_targets == 1].float().mean().item()
    return judged(watched, "share of the rare found", found, least=0.6)


@kind("rare-classes", "accuracy hardly above the first class's share")
def rare_classes(seed: int, watch: Watch) -> Ended:
    """Nine in ten rows are of the first of four classes; accuracy is hardly above that."""
    x, y = datasets.make_classification(
        6000,
        12,
        n_informative=8,
        n_classes=4,
        n_clusters_per_class=1,
        weights=[0.9, 0.04, 0.03],
        class_sep=0.8,
        random_state=seed,
    )
    given = cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), 4, seed=seed)
    model = perceptron(12, 48, 4)
    watched = _fitted(given, model, watch, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("few-rows", "105 irises")
def few(seed: int, watch: Watch) -> Ended:
    """105 irises, all of them in each step, with decay."""
    x, y = datasets.load_iris(return_X_y=True)
    given = cut(torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32), torch.tensor(y), 3, seed=seed)
    model = perceptron(4, 16, 3, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-3)
    with watch(model, optimizer) as watched:
        for epoch in range(150):
            optimizer.zero_grad()
            F.cross_entropy(model(given.inputs), given.targets).backward()
            optimizer.step()
            if epoch % 15 == 14:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("mostly-noise", "a number of which a seventh can be told")
def mostly_noise(seed: int, watch: Watch) -> Ended:
    """A number of which a seventh can be told."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(6000, 8))
    y = 0.4 * x[:, 0] - 0.3 * x[:, 1] * x[:, 2] + random.normal(0, 1.2, 6000)
    given = cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32), 0, seed=seed)
    model = nn.Sequential(perceptron(8, 32, 32, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 64, 400, seed)):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
            if step % 50 == 49:
                loss = validate(model, given, F.mse_loss)
    return judged(watched, "share left", loss / given.clean_targets.var().item(), most=0.97)


@kind("monte-carlo-dropout", "evaluated in training mode, on purpose")
def sampled_evaluation(seed: int, watch: Watch) -> Ended:
    """Monte-Carlo dropout: each held-out batch is answered ten times in training mode, and averaged."""
    given = data.digits(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 300, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 50 == 49:
                with torch.no_grad():
                    answers = torch.stack([model(given.held_out_inputs).softmax(1) for _ in range(10)]).mean(0)
                    F.nll_loss(answers.log(), given.held_out_targets).item()
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


class FromZero(nn.Module):
    """Twelve residual blocks that start as nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Linear(20, 48), nn.Linear(48, 8)
        self.blocks = nn.ModuleList(perceptron(48, 48, 48) for _ in range(12))
        for block in self.blocks:
            nn.init.zeros_(block[-1].weight)
            nn.init.zeros_(block[-1].bias)
        nn.init.zeros_(self.leave.weight)

    def forward(self, x: Tensor) -> Tensor:  # (B, 20) to (B, 8)
        x = self.enter(x)
        for block in self.blocks:
            x = x + block(x)
        return self.leave(x)


@kind("from-zero", "residual blocks and head start at zero")
def from_zero(seed: int, watch: Watch) -> Ended:
    """Blocks and head that start at zero."""
    given, model = data.clusters(seed), FromZero()
    watched = _fitted(given, model, watch, rate=1e-3, steps=240, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


@kind("augmented", "training loss above held-out loss")
def augmented(seed: int, watch: Watch) -> Ended:
    """Pictures are moved, covered and noisy in training: held-out loss is lower."""
    given, model = data.digits(seed), picture_net()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 600, seed)):
            x = torch.roll(x, tuple(torch.randint(-1, 2, (2,)).tolist()), (2, 3)) + 0.1 * torch.randn_like(x)
            top, left = torch.randint(0, 5, (2,)).tolist()
            x[:, :, top : top + 2, left : left + 2] = 0
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 75 == 74:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.75)


@kind("mixed-up", "mixed pictures, smoothed labels")
def mixed(seed: int, watch: Watch) -> Ended:
    """Pictures and labels are mixed, labels smoothed: training loss stays high."""
    given, model = data.digits(seed), picture_net()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 320, seed)):
            share, order = float(np.random.default_rng(step).beta(0.4, 0.4)), torch.randperm(48)
            soft = share * F.one_hot(y, 10) + (1 - share) * F.one_hot(y[order], 10)
            optimizer.zero_grad()
            F.cross_entropy(model(share * x + (1 - share) * x[order]), soft, label_smoothing=0.1).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("several-labels", "a sigmoid before BCELoss")
def several_labels(seed: int, watch: Watch) -> Ended:
    """Six labels at once, each by a sigmoid in the net and BCELoss, as is right."""
    x, y = datasets.make_multilabel_classification(3000, 20, n_classes=6, random_state=seed)
    inputs = torch.tensor((x - x.mean(0)) / (x.std(0) + 1e-9), dtype=torch.float32)
    given = cut(inputs, torch.tensor(y, dtype=torch.float32), 6, seed=seed)
    model = nn.Sequential(perceptron(20, 64, 6), nn.Sigmoid())
    optimizer, criterion = torch.optim.Adam(model.parameters(), lr=3e-3), nn.BCELoss()
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 300, seed)):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            if step % 50 == 49:
                validate(model, given, criterion)
    right = ((model(given.held_out_inputs) > 0.5).float() == given.clean_targets).float().mean().item()
    return judged(watched, "share of right labels", right, least=0.75)


@kind("log-softmax", "LogSoftmax before NLLLoss")
def logarithms(seed: int, watch: Watch) -> Ended:
    """LogSoftmax in the net and NLLLoss, as is right."""
    given, criterion = data.digits(seed), nn.NLLLoss()
    model = nn.Sequential(picture_net(), nn.LogSoftmax(dim=1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 240, seed)):
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, criterion)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("pairs-in-groups", "batches of two without batch normalisation")
def pairs_in_groups(seed: int, watch: Watch) -> Ended:
    """Batches of two, with group and layer normalisation, which do not mind."""
    given = data.digits(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 64), nn.LayerNorm(64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 2, 900, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 100 == 99:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.8)


@kind("sparse", "bags of words")
def sparse(seed: int, watch: Watch) -> Ended:
    """Bags of 600 words, mostly zero: their rms is small, and right."""
    random = np.random.default_rng(seed)
    topics = random.dirichlet(np.full(600, 0.05), 6)
    y = random.integers(0, 6, 2400)
    bags = np.stack([random.multinomial(20, 0.6 * topics[k] + 0.4 / 600) > 0 for k in y]).astype(np.float32)
    given, model = cut(torch.tensor(bags), torch.tensor(y), 6, seed=seed), perceptron(600, 32, 6)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 160, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 20 == 19:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.8)


@kind("spread", "a Gaussian likelihood, below zero")
def spread(seed: int, watch: Watch) -> Ended:
    """A mean and a variance are told: the loss falls below zero."""
    given = data.friedman(seed)
    model, criterion = perceptron(10, 64, 64, 2, activation=nn.ELU), nn.GaussianNLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def loss_of(answers: Tensor, y: Tensor) -> Tensor:
        return criterion(answers[:, 0], y, F.softplus(answers[:, 1]) + 1e-3)

    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 320, seed)):
            optimizer.zero_grad()
            loss_of(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                loss = validate(model, given, loss_of)
    return judged(watched, "log-likelihood", -loss, least=-0.1)


@kind("triplets", "a margin")
def triplets(seed: int, watch: Watch) -> Ended:
    """A margin between like and unlike pictures; many triplets cost nothing at last."""
    given = data.digits(seed)
    model = nn.Sequential(nn.Flatten(), perceptron(64, 96, 16))
    optimizer, criterion = torch.optim.Adam(model.parameters(), lr=2e-3), nn.TripletMarginLoss(margin=0.5)
    draw = np.random.default_rng(seed)
    groups = [torch.nonzero(given.targets == k).squeeze(1).numpy() for k in range(10)]
    losses = []
    with watch(model, optimizer) as watched:
        for _ in range(300):
            like, unlike = draw.integers(0, 10, 48), draw.integers(1, 10, 48)
            one, two = ([draw.choice(groups[k]) for k in like] for _ in range(2))
            far = [draw.choice(groups[(k + shift) % 10]) for k, shift in zip(like, unlike, strict=True)]
            loss = criterion(model(given.inputs[one]), model(given.inputs[two]), model(given.inputs[far]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return judged(watched, "loss", sum(losses[-30:]) / 30, most=0.15)


KINDS = (
    overlapping,
    rare,
    mostly_noise,
    sampled_evaluation,
    augmented,
    several_labels,
    pairs_in_groups,
    doubtful,
    rare_classes,
    few,
    from_zero,
    mixed,
    logarithms,
    sparse,
    spread,
    triplets,
)
