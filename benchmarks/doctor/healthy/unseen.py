"""Losses and targets that nothing was corrected on: they are only reported."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import data, drawn_data, unseen_data
from benchmarks.doctor.data import Data, cut
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, fitted, judged, kind, perceptron, picture_net, validate
from benchmarks.doctor.loops import Watch


@kind("focal", "easy rows count less")
def focal(seed: int, watch: Watch) -> Ended:
    """A cross-entropy by row, weighed by how wrong the answer is."""

    def loss_of(logits: Tensor, y: Tensor) -> Tensor:
        each = F.cross_entropy(logits, y, reduction="none")
        return ((1 - (-each).exp()) ** 2 * each).mean()

    given, model = data.clusters(seed), perceptron(20, 80, 80, 8)
    watched = fitted(model, torch.optim.NAdam(model.parameters(), lr=3e-3), given, watch, criterion=loss_of, seed=seed)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


class TwoHeads(nn.Module):
    """A class and a number from one body."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.which, self.much = perceptron(14, 64, 64), nn.Linear(64, 6), nn.Linear(64, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # (B, 14) to (B, 6) and (B,)
        x = torch.relu(self.body(x))
        return self.which(x), self.much(x).flatten()


@kind("two-tasks", "a class and a number, two losses")
def two_tasks(seed: int, watch: Watch) -> Ended:
    """Losses of both heads, added."""
    given, model = drawn_data.heights(seed), TwoHeads()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def loss_of(answers: tuple[Tensor, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(answers[0], y) + 0.3 * F.mse_loss(answers[1], x[:, 0] * x[:, 7])

    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 64, 320, seed)):
            optimizer.zero_grad()
            loss_of(model(x), x, y).backward()
            optimizer.step()
            if step % 40 == 39:
                model.eval()
                with torch.no_grad():
                    loss_of(model(given.held_out_inputs), given.held_out_inputs, given.held_out_targets)
                model.train()
    right = (model(given.held_out_inputs)[0].argmax(1) == given.clean_targets).float().mean().item()
    return judged(watched, "accuracy", right, least=0.6)


@kind("same-or-not", "pairs of pictures, one answer each")
def same_or_not(seed: int, watch: Watch) -> Ended:
    """Of two pictures, whether they show the same digit; half of the pairs do."""
    given = data.digits(seed)
    groups = [torch.nonzero(given.targets == k).squeeze(1) for k in range(10)]
    model = nn.Sequential(nn.Conv2d(2, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), perceptron(384, 96, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw, right = torch.Generator().manual_seed(seed), []
    with watch(model, optimizer) as watched:
        for _ in range(600):
            one = torch.randint(len(given.inputs), (64,), generator=draw)
            other = torch.randint(len(given.inputs), (64,), generator=draw)
            for place in range(0, 64, 2):
                group = groups[int(given.targets[one[place]])]
                other[place] = group[torch.randint(len(group), (1,), generator=draw)]
            same = (given.targets[one] == given.targets[other]).float()
            scores = model(torch.cat([given.inputs[one], given.inputs[other]], 1)).squeeze(1)
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(scores, same).backward()
            optimizer.step()
            right.append(((scores > 0) == (same > 0)).float().mean().item())
    return judged(watched, "share told", sum(right[-50:]) / 50, least=0.65)


@kind("margins", "a hinge instead of a cross-entropy")
def margins(seed: int, watch: Watch) -> Ended:
    """nn.MultiMarginLoss."""
    given, model = drawn_data.tiles(seed), nn.Sequential(nn.Flatten(), perceptron(432, 96, 8, activation=nn.GELU))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    watched = fitted(model, optimizer, given, watch, criterion=nn.MultiMarginLoss(), seed=seed, steps=400)
    return judged(watched, "accuracy", accuracy(model, given), least=0.25)


@kind("counts", "a Poisson likelihood of counts")
def counts(seed: int, watch: Watch) -> Ended:
    """How often something happens, its logarithm a sum of bends."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(2400, 7, generator=draw)
    rate = (0.7 * x[:, 0] + 0.6 * x[:, 1].abs() + 0.5 * (x[:, 2] > 0)).exp()
    given, criterion = cut(x, torch.poisson(rate, generator=draw), 0, seed=seed), nn.PoissonNLLLoss()
    model = nn.Sequential(perceptron(7, 40, 40, 1, activation=nn.Softplus), nn.Flatten(0))
    watched = fitted(model, torch.optim.Adamax(model.parameters(), lr=5e-3), given, watch, criterion=criterion, seed=seed)
    mean = criterion(given.targets.mean().log().expand(len(given.clean_targets)), given.clean_targets)
    return judged(watched, "better than the mean by", float(mean) - validate(model, given, criterion), least=0.2)


@kind("levels", "ordered classes by one number and thresholds")
def levels(seed: int, watch: Watch) -> Ended:
    """Five ordered levels: each of four sigmoids says whether the level is above; all read one number."""

    class Ordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score, self.bars = perceptron(10, 48, 48, 1), nn.Parameter(torch.linspace(1, -1, 4))

        def forward(self, x: Tensor) -> Tensor:  # (B, 10) to (B, 4)
            return self.score(x) + self.bars

    shells, model = data.shells(seed), Ordered()

    def loss_of(scores: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(scores, (y[:, None] > torch.arange(4)).float())

    watched = fitted(model, torch.optim.Adam(model.parameters(), lr=4e-3), shells, watch, criterion=loss_of, seed=seed)
    with torch.no_grad():
        right = ((model(shells.held_out_inputs) > 0).sum(1) == shells.clean_targets).float().mean().item()
    return judged(watched, "accuracy", right, least=0.45)


@kind("without-borders", "sounds in a row, by CTC")
def without_borders(seed: int, watch: Watch) -> Ended:
    """Words of four letters, each two to four places long, and where they begin is not told: CTC."""
    draw = torch.Generator().manual_seed(seed)
    words = torch.randint(1, 6, (1200, 4), generator=draw)
    x = torch.zeros(1200, 16, 6)
    for row, word in enumerate(words):
        spoken = torch.repeat_interleave(word, torch.randint(2, 5, (4,), generator=draw))
        x[row, : len(spoken)] = F.one_hot(spoken, 6).float()
    given = Data(x + 0.2 * torch.randn(x.shape, generator=draw), words, x[-300:], words[-300:], words[-300:], 0)
    model = nn.Sequential(nn.Conv1d(16, 16, 1), nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 6))
    optimizer, criterion = torch.optim.AdamW(model.parameters(), lr=5e-3), nn.CTCLoss()

    def loss_of(scores: Tensor, y: Tensor) -> Tensor:
        lengths = torch.full((len(y),), 16), torch.full((len(y),), 4)
        return criterion(scores.log_softmax(2).transpose(0, 1), y, *lengths)

    watched = fitted(model, optimizer, given, watch, criterion=loss_of, seed=seed, steps=320)
    return judged(watched, "nats a letter", validate(model, given, loss_of), most=0.9)


@kind("few-shots", "new classes in every step")
def few_shots(seed: int, watch: Watch) -> Ended:
    """Prototypes of five digits from five pictures each; which digit is which class is drawn anew each time."""
    given = data.digits(seed)
    groups = [torch.nonzero(given.targets == k).squeeze(1) for k in range(10)]
    model, right = picture_net(24), []
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    draw = torch.Generator().manual_seed(seed)
    with watch(model, optimizer) as watched:
        for _ in range(240):
            chosen = torch.randperm(10, generator=draw)[:5]
            rows = [groups[k][torch.randperm(len(groups[k]), generator=draw)[:13]] for k in chosen.tolist()]
            codes = model(given.inputs[torch.cat(rows)]).view(5, 13, -1)
            scores = -torch.cdist(codes[:, 5:].flatten(0, 1), codes[:, :5].mean(1))
            wanted = torch.arange(5).repeat_interleave(8)
            optimizer.zero_grad()
            F.cross_entropy(scores, wanted).backward()
            optimizer.step()
            right.append((scores.argmax(1) == wanted).float().mean().item())
    return judged(watched, "share told", sum(right[-30:]) / 30, least=0.8)


@kind("own-labels", "half of the labels are the net's own answers")
def own_labels(seed: int, watch: Watch) -> Ended:
    """Rows without labels are taught with what the net is sure of."""
    given, model = data.digits(seed), picture_net()
    known = given.only(200)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    drawn = batches(given, 48, 400, seed + 1)
    with watch(model, optimizer) as watched:
        for step, ((x, y), (unknown, _)) in enumerate(zip(batches(known, 24, 400, seed), drawn, strict=True)):
            loss = F.cross_entropy(model(x), y)
            if step > 80:
                with torch.no_grad():
                    sure, own = model(unknown).softmax(1).max(1)
                told = model(unknown + 0.1 * torch.randn_like(unknown))
                loss = loss + (F.cross_entropy(told, own, reduction="none") * (sure > 0.9)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 50 == 49:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.8)


@kind("quantiles", "three quantiles of a number, by pinball")
def quantiles(seed: int, watch: Watch) -> Ended:
    """Lower, middle and upper tenth of patients' progress."""
    given, model = data.friedman(seed), perceptron(10, 64, 64, 3, activation=nn.SiLU)
    parts = torch.tensor([0.1, 0.5, 0.9])

    def pinball(answers: Tensor, y: Tensor) -> Tensor:
        left = y[:, None] - answers
        return torch.maximum(parts * left, (parts - 1) * left).mean()

    watched = fitted(model, torch.optim.RAdam(model.parameters(), lr=4e-3), given, watch, criterion=pinball, seed=seed)
    with torch.no_grad():
        inside = (given.clean_targets[:, None] > model(given.held_out_inputs)).float().mean(0)
    return judged(watched, "distance of shares", float((inside - (1 - parts)).abs().max()), most=0.2)


@kind("regions-of-photographs", "half of the answers are right, and no more can be had soon")
def regions_of_photographs(seed: int, watch: Watch) -> Ended:
    """Pieces of two photographs, by a net that is moved slowly."""
    given = unseen_data.photographs(seed)
    model = nn.Sequential(nn.Conv2d(3, 16, 5, stride=2), nn.Tanh(), nn.Flatten(), nn.Linear(256, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True)
    watched = fitted(model, optimizer, given, watch, seed=seed, steps=320)
    return judged(watched, "accuracy", accuracy(model, given), least=0.35)


KINDS = (
    focal,
    two_tasks,
    same_or_not,
    margins,
    counts,
    levels,
    without_borders,
    few_shots,
    own_labels,
    quantiles,
    regions_of_photographs,
)
