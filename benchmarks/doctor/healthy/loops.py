"""Loops that step otherwise: L-BFGS, accumulation, autocast, checkpointing, functional calls, sharpness, matrix steps."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from benchmarks.doctor import data
from benchmarks.doctor.healthy.kind import Ended, accuracy, batches, judged, kind, perceptron, picture_net, validate
from benchmarks.doctor.loops import Watch


@kind("warm-up", "the rate climbs, then falls to zero along a cosine")
def warm_up(seed: int, watch: Watch) -> Ended:
    """The rate climbs for a quarter of the steps and falls to zero."""
    given, model = data.digits(seed), picture_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    steps = 300
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 75) * 0.5 * (1 + math.cos(math.pi * min(1, step / steps)))
    )
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, steps, seed)):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            schedule.step()
            if step % 50 == 49:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("l-bfgs", "a closure, all rows")
def limited_memory(seed: int, watch: Watch) -> Ended:
    """L-BFGS on all rows, with weight decay in the loss."""
    given, model = data.diabetes(seed), perceptron(10, 8, 1, activation=nn.Tanh)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(model(given.inputs).squeeze(1), given.targets)
        loss = loss + 0.01 * sum(weight.square().sum() for weight in model.parameters())
        loss.backward()
        return loss

    with watch(model, optimizer) as watched:
        for step in range(30):
            optimizer.step(closure)
            if step % 5 == 4:
                found = validate(model, given, lambda z, y: F.mse_loss(z.squeeze(1), y))
    return judged(watched, "squared error", found, most=0.7)


@kind("accumulation", "four batches a step")
def accumulation(seed: int, watch: Watch) -> Ended:
    """Four small batches before each step."""
    given, model = data.digits(seed), picture_net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.04, momentum=0.9)
    with watch(model, optimizer) as watched:
        optimizer.zero_grad()
        for number, (x, y) in enumerate(batches(given, 8, 1200, seed), 1):
            (F.cross_entropy(model(x), y) / 4).backward()
            if number % 4 == 0:
                optimizer.step()
                optimizer.zero_grad()
            if number % 200 == 0:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("functional-call", "weights beside the net")
def functional(seed: int, watch: Watch) -> Ended:
    """The net is called with its weights beside it."""
    given, model = data.clusters(seed), perceptron(20, 64, 64, 8)
    weights = dict(model.named_parameters())
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 300, seed)):
            loss = F.cross_entropy(functional_call(model, weights, (x,)), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 60 == 59:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


@kind("plain-sgd", "neither momentum nor schedule; accuracy alone is evaluated")
def plain_descent(seed: int, watch: Watch) -> Ended:
    """SGD with neither momentum nor schedule."""
    given, model = data.digits(seed), perceptron(64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as watched:
        for epoch in range(8):
            for x, y in batches(given, 32, 40, seed + epoch):
                optimizer.zero_grad()
                nn.CrossEntropyLoss()(model(x.flatten(1)), y).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                right = (model(given.held_out_inputs.flatten(1)).argmax(1) == given.held_out_targets).float().mean().item()
            model.train()
    return judged(watched, "accuracy", right, least=0.85)


@kind("autocast", "bfloat16")
def autocast(seed: int, watch: Watch) -> Ended:
    """bfloat16 where torch's autocast wants it."""
    given, model = data.digits(seed), picture_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 32, 240, seed)):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 40 == 39:
                model.eval()
                with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
                    F.cross_entropy(model(given.held_out_inputs), given.held_out_targets).item()
                model.train()
    return judged(watched, "accuracy", accuracy(model, given), least=0.9)


@kind("scaler", "gradient scaler and clipping")
def scaled_loss(seed: int, watch: Watch) -> Ended:
    """A gradient scaler, clipped gradients."""
    given, model = data.clusters(seed), perceptron(20, 96, 96, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 300, seed)):
            optimizer.zero_grad()
            scaler.scale(F.cross_entropy(model(x), y)).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            if step % 60 == 59:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


class Checkpointed(nn.Module):
    """Blocks whose activations are computed again on the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(20, 64)
        self.blocks = nn.ModuleList(nn.Sequential(nn.LayerNorm(64), nn.Linear(64, 64), nn.GELU()) for _ in range(4))
        self.head = nn.Linear(64, 8)

    def forward(self, x: Tensor) -> Tensor:  # (B, 20) to (B, 8)
        x = self.enter(x)
        for block in self.blocks:
            x = x + checkpoint(block, x, use_reentrant=False)
        return self.head(x)


@kind("checkpointing", "activations computed again")
def checkpointed(seed: int, watch: Watch) -> Ended:
    """Activation checkpointing: each block runs twice a step."""
    given, model = data.clusters(seed), Checkpointed()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 240, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 40 == 39:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


class Orthogonal(torch.optim.Optimizer):
    """Steps whose matrices are made nearly orthogonal: Muon's idea, by five iterations of Newton and Schulz."""

    def __init__(self, weights, lr: float):
        super().__init__(weights, {"lr": lr, "momentum": 0.9})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                kept = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                kept.mul_(group["momentum"]).add_(weight.grad)
                if weight.dim() > 1:
                    step = (
                        self._orthogonal(kept.flatten(1)).view_as(weight)
                        * max(1, len(weight) / kept.flatten(1).shape[1]) ** 0.5
                    )
                else:
                    step = kept.sign() * 0.05
                weight.sub_(step, alpha=group["lr"])

    @staticmethod
    def _orthogonal(x: Tensor) -> Tensor:
        wide = x.shape[0] <= x.shape[1]
        x = (x if wide else x.T) / (x.norm() + 1e-7)
        for _ in range(5):
            product = x @ x.T
            x = 3.4445 * x + (-4.7750 * product + 2.0315 * product @ product) @ x
        return x if wide else x.T


@kind("muon-like", "orthogonal steps")
def orthogonal_steps(seed: int, watch: Watch) -> Ended:
    """An optimizer of the user's own: Muon-like."""
    given, model = data.digits(seed), picture_net()
    optimizer = Orthogonal(model.parameters(), lr=0.02)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 160, seed)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            if step % 20 == 19:
                validate(model, given, F.cross_entropy)
    return judged(watched, "accuracy", accuracy(model, given), least=0.85)


@kind("sharpness", "two gradients a step")
def sharpness(seed: int, watch: Watch) -> Ended:
    """Sharpness-aware: gradients are taken again at a neighbouring point before each step."""
    given, model = data.digits(seed), perceptron(64, 96, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 200, seed)):
            x = x.flatten(1)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            with torch.no_grad():
                norm = torch.stack([weight.grad.norm() for weight in model.parameters()]).norm()
                moved = [weight.grad * (0.05 / (norm + 1e-9)) for weight in model.parameters()]
                for weight, by in zip(model.parameters(), moved, strict=True):
                    weight.add_(by)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            with torch.no_grad():
                for weight, by in zip(model.parameters(), moved, strict=True):
                    weight.sub_(by)
            optimizer.step()
            if step % 40 == 39:
                with torch.no_grad():
                    loss = F.cross_entropy(model(given.held_out_inputs.flatten(1)), given.held_out_targets)
    return judged(watched, "held-out loss", loss.item(), most=0.5)


@kind("own-loss", "cross-entropy by hand")
def by_hand(seed: int, watch: Watch) -> Ended:
    """The loss is written by hand: log-softmax, gathered, and a penalty."""
    given, model = data.clusters(seed), perceptron(20, 64, 8, activation=nn.SiLU)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def own_loss(logits: Tensor, target: Tensor) -> Tensor:
        chosen = logits.log_softmax(-1).gather(1, target[:, None]).squeeze(1)
        return -chosen.mean() + 1e-4 * logits.square().mean()

    with watch(model, optimizer) as watched:
        for step, (x, y) in enumerate(batches(given, 48, 300, seed)):
            optimizer.zero_grad()
            own_loss(model(x), y).backward()
            optimizer.step()
            if step % 50 == 49:
                validate(model, given, own_loss)
    return judged(watched, "accuracy", accuracy(model, given), least=0.6)


KINDS = (
    warm_up,
    limited_memory,
    accumulation,
    functional,
    plain_descent,
    autocast,
    scaled_loss,
    checkpointed,
    orthogonal_steps,
    sharpness,
    by_hand,
)
