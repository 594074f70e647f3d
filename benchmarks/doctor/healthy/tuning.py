"""Nets that were trained before: adapters, frozen backbones, small rates, averages, teachers. What came before is unwatched."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.doctor import data
from benchmarks.doctor.data import Data
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, judged, kind, picture_net, validate
from benchmarks.doctor.loops import Watch


def _before(given: Data, model: nn.Module, seed: int, steps: int = 250) -> nn.Module:
    """Trains the net, unwatched."""
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for x, y in batches(given, 32, steps, seed + 77):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


def _part(given: Data, *, upper: bool) -> Data:
    """The digits from five on, or those below, counted from zero."""
    kept, held = (given.targets >= 5) == upper, (given.held_out_targets >= 5) == upper
    targets, held_out = given.targets[kept] % 5, given.held_out_targets[held] % 5
    return Data(given.inputs[kept], targets, given.held_out_inputs[held], held_out, held_out.clone(), 5)


class LowRank(nn.Module):
    """A frozen layer and a product of two thin matrices beside it, the second zero at first."""

    def __init__(self, base: nn.Linear, rank: int = 4):
        super().__init__()
        self.base = base.requires_grad_(requires_grad=False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:  # (B, in) to (B, out)
        return self.base(x) + x @ self.down.T @ self.up.T


@kind("lora", "thin matrices beside frozen, trained layers")
def low_rank(seed: int, watch: Watch) -> Ended:
    """Adapters beside frozen layers that were trained on other digits."""
    given = data.digits(seed)
    model = _before(_part(given, upper=False), picture_net(5), seed)
    for weight in model.parameters():
        weight.requires_grad_(requires_grad=False)
    model[7], model[9] = LowRank(model[7], 8), LowRank(model[9], 4)
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=5e-3)
    target = _part(given, upper=True)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(target, 32, 240, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, target, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, target), least=0.75)


@kind("frozen-backbone", "a trained body under no_grad, a new head; modules called one by one")
def backbone(seed: int, watch: Watch) -> Ended:
    """A frozen backbone in evaluation mode, under no_grad, and a new head."""
    given = data.digits(seed)
    body = _before(_part(given, upper=False), picture_net(5), seed)[:-1].requires_grad_(requires_grad=False)
    model = nn.ModuleDict({"backbone": body.eval(), "head": nn.Linear(64, 5)})
    optimizer = torch.optim.Adam(model["head"].parameters(), lr=5e-3)
    target, criterion = _part(given, upper=True), nn.CrossEntropyLoss()
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(target, 32, 240, seed)):
            with torch.no_grad():
                features = model["backbone"](x)
            loss = criterion(model["head"](features), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 40 == 39:
                with torch.no_grad():
                    answers = model["head"](model["backbone"](target.held_out_inputs))
                    criterion(answers, target.held_out_targets).item()
    right = (answers.argmax(1) == target.clean_targets).float().mean().item()
    return judged(watched, "accuracy", right, least=0.75)


@kind("fine-tuning", "a trained net at a rate of 2e-5")
def gently(seed: int, watch: Watch) -> Ended:
    """A trained net goes on at 2e-5, as large language models are tuned."""
    given, model = data.digits(seed), picture_net()
    _before(given.only(400), model, seed)
    before = accuracy(model, given)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 240, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, F.cross_entropy)
    return judged(watched, f"accuracy (before {before:.3f})", accuracy(model, given), least=before - 0.005)


@kind("averaged", "an average of the weights is evaluated")
def averaged(seed: int, watch: Watch) -> Ended:
    """A running average of the weights is what is evaluated."""
    given, model = data.digits(seed), picture_net()
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 300, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            average.update_parameters(model)
            if step % 50 == 49:
                validate(average, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(average, given), least=0.9)


@kind("thawing", "a body that joins later")
def thawed(seed: int, watch: Watch) -> Ended:
    """The trained body rests while the new head learns, then joins at a tenth of the rate."""
    given = data.digits(seed)
    model = _before(_part(given, upper=False), picture_net(5), seed)
    model[9] = nn.Linear(64, 5)
    for weight in model[:9].parameters():
        weight.requires_grad_(requires_grad=False)
    optimizer = torch.optim.Adam(model[9].parameters(), lr=5e-3)
    target = _part(given, upper=True)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(target, 32, 240, seed)):
            if step == 120:
                body = list(model[:9].requires_grad_().parameters())
                optimizer.add_param_group({"params": body, "lr": 5e-4})
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, target, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, target), least=0.8)


@kind("distillation", "a teacher's answers")
def taught(seed: int, watch: Watch) -> Ended:
    """A small net learns what a large one answers."""
    given, student = data.digits(seed), picture_net(10, 6)
    teacher = _before(given, picture_net(10, 24), seed).eval()
    optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
    with watch(student, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 300, seed)):
            with torch.no_grad():
                wanted = F.softmax(teacher(x) / 3, -1)
            logits = student(x)
            loss = 9 * F.kl_div(F.log_softmax(logits / 3, -1), wanted, reduction="batchmean") + 0.3 * F.cross_entropy(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 50 == 49:
                validate(student, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(student, given), least=0.85)


@kind("byol-like", "an average of the net gives the targets")
def own_teacher(seed: int, watch: Watch) -> Ended:
    """Two views of a picture are to be answered alike; the other net is an average of this one and learns nothing."""
    given = data.digits(seed)
    online = nn.Sequential(picture_net(32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32))
    target = copy.deepcopy(online[0]).requires_grad_(requires_grad=False)
    optimizer = torch.optim.Adam(online.parameters(), lr=2e-3)
    with watch(online, optimizer) as watched:
        for x, _ in batches(given, 64, 240, seed):
            one, two = (x + 0.15 * torch.randn_like(x) for _ in range(2))
            with torch.no_grad():
                wanted = F.normalize(target(two), dim=1)
            loss = 2 - 2 * (F.normalize(online(one), dim=1) * wanted).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for kept, now in zip(target.parameters(), online[0].parameters(), strict=True):
                    kept.lerp_(now, 0.02)
    return judged(watched, "distance", loss.item(), most=0.4)


KINDS = (
    low_rank,
    backbone,
    gently,
    averaged,
    thawed,
    taught,
    own_teacher,
)
