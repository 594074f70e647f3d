"""On a GPU: MNIST to 99 %, step rate of ResNet-18 on pictures of CIFAR's size, tokens a second of a decoder of 10 M weights.

Command: THALWEG_DATA=... python benchmarks/gpu.py            (one CUDA GPU; some minutes)
Without a GPU it refuses. `--rehearse` goes through all of it in miniature on the CPU, to show that it runs: its figures mean
nothing.

Each net is trained as a run would train it, by the plan that its probe finds. ResNet-18 takes turns with a plain loop that
gathers from tensors on the device and is compiled, in bfloat16, channels last, with torch's fused SGD: medians of the seconds
of a step and of their ratio. Shares of the peak are of products of matrices measured in the same run, in the precision of the
plan. What stands in for data that are not at hand is said in the line.
"""

import argparse
import copy
import gzip
import os
import random
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from thalweg.core.device import products
from thalweg.core.errors import Refusal
from thalweg.core.machine import DTYPES, measured_peak, processor, settled
from thalweg.core.talk import Talk
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.running_text import RunningText
from thalweg.rules._rule import Context, Rule
from thalweg.tasks._task import measured
from thalweg.training.loop import Progress, learn
from thalweg.training.planned import Planned
from thalweg.training.profile_work import counted
from thalweg.training.requested import run_settings
from thalweg.training.speed import settle
from thalweg.training.stage import Own, Stage, build_stage
from thalweg.training.trial import steps_on

GOAL = 0.99
ROUNDS = 7
"""Blocks of steps that are timed; the medians count."""


@dataclass(frozen=True)
class Sizes:
    """How large everything is."""

    pictures: int
    batch: int
    widths: tuple[int, ...]
    layers: int
    width: int
    context: int
    windows: int
    steps: int
    epochs: int


WHOLE = Sizes(50_000, 512, (64, 128, 256, 512), 6, 384, 256, 64, 50, 12)
MINIATURE = Sizes(64, 16, (4, 4, 4, 4), 1, 16, 8, 4, 2, 1)


class Bench:
    """What all workloads share."""

    def __init__(self, device: torch.device, sizes: Sizes) -> None:
        self.device, self.sizes, self.settle = device, sizes, settled(device)
        self.miniature = sizes is MINIATURE

    def stage(self, data: Any, given: Mapping[str, Any]) -> tuple[Stage, float]:
        """A stage that is set up as its probe finds best and has begun; and the seconds that the probe took."""
        settings = run_settings({"seed": 0, "augment": [], "speed": "probe", **given})
        raw = read(data, settings.data)
        dataset = encode(raw, settings.data, seed=0) if isinstance(raw, Examples) else raw
        made = build_stage(settings, 0, dataset.to(self.device, torch.float32), Own(), Context(device=self.device))
        begun = time.perf_counter()
        settle(made, settings, Planned(), Talk(), begun=False)
        self.settle()
        probing = time.perf_counter() - begun
        made.begin()
        return made, probing

    def seconds(self, act: Callable[[], object]) -> float:
        """Of one call, until the device is done."""
        self.settle()
        begun = time.perf_counter()
        act()
        self.settle()
        return time.perf_counter() - begun

    def share(self, stage: Stage, step: float) -> str:
        """Of the peak that products of matrices reach, in words."""
        at, context = stage.progress.position, stage.rule.context
        flops = counted(stage.rule, stage.batches.at(at), at).flops or 0
        with products(self.device, context.precision):
            most = measured_peak(self.device, DTYPES[context.precision]).flops
        return f"{flops / step / 1e12:.1f} TFLOP/s, {flops / step / most:.1%} of {most / 1e12:.0f} in {context.precision}"


class Goal:
    """Stops when the test part is answered well enough; looks after each epoch."""

    def __init__(self, stage: Stage, part: str) -> None:
        self.stage, self.batches, self.reached = stage, stage.dataset.batches(part, size=2048), 0.0

    def __call__(self, progress: Progress, rule: Rule) -> None:
        if progress.epoch_ended:
            found = measured(self.stage.task, rule.shipped, self.batches, at=progress.position)
            self.reached = float(found["accuracy"] or 0)
            if self.reached >= GOAL:
                progress.stopped = "the goal is reached"

    def due(self, progress: Progress) -> float:
        length = progress.length or 1
        return (progress.position.step // length + 1) * length

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


def mnist(bench: Bench) -> str:
    """LeNet-5 until the test part is answered to 99 %."""
    begun, told = time.perf_counter(), ""
    rule = {"epochs": bench.sizes.epochs, "batch_size": 256, "optimizer": "adamw", "rate": 0.004}
    try:
        if bench.miniature:
            raise FileNotFoundError
        stage, probing = bench.stage("mnist", {"model": "lenet5", "rule": rule})
    except (Refusal, FileNotFoundError):
        told = " (MNIST is not at hand: digits of 8 x 8 pixels stand in for it, so this is no time to 99 % of MNIST)"
        stage, probing = bench.stage("digits", {"model": "mlp", "rule": rule})
    before = time.perf_counter() - begun - probing
    goal = Goal(stage, "test")
    learning = bench.seconds(lambda: learn(stage.rule, stage.batches, stage.progress, [goal], stage.program()))
    epochs = stage.progress.position.epoch
    return (
        f"accuracy {goal.reached:.4f} on the test part after {epochs} epochs; seconds: {learning:.2f} of learning with "
        f"evaluations, {probing:.2f} of the probe with compilation, {before:.2f} of reading and encoding; "
        f"plan: {stage.plan.told}{told}"
    )


class Loop:
    """The plain loop: gathers from the device, compiled, bfloat16, channels last, fused SGD; reads its losses once a block."""

    def __init__(self, stage: Stage, *, compiled: bool) -> None:
        self.device = stage.rule.context.device
        net = copy.deepcopy(stage.rule.model).to(memory_format=torch.channels_last)
        self.call = torch.compile(net, dynamic=False) if compiled else net
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, fused=True)
        batches = stage.batches
        batches.finish_ahead(2**33)  # type: ignore[attr-defined]
        self.ready, self.size = batches.ready, batches.size  # type: ignore[attr-defined]
        self.order = self._orders()

    def _orders(self) -> Iterator[Tensor]:
        rows = len(self.ready["class"])
        while True:
            yield from torch.randperm(rows, device=self.device)[: rows // self.size * self.size].split(self.size)

    def steps(self, count: int) -> list[float]:
        losses = []
        for _ in range(count):
            rows = next(self.order)
            x = self.ready["image"].index_select(0, rows).contiguous(memory_format=torch.channels_last)
            with torch.autocast(self.device.type, torch.bfloat16):
                loss = nn.functional.cross_entropy(self.call(x), self.ready["class"].index_select(0, rows).long())
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        return torch.stack(losses).tolist()


def resnet18(bench: Bench) -> str:
    """Steps of ResNet-18 on pictures of CIFAR's size, against the plain compiled loop."""
    drawn, sizes = np.random.default_rng(0), bench.sizes
    data = {
        "image": drawn.integers(0, 256, (sizes.pictures, 32, 32, 3), dtype=np.uint8),
        "class": drawn.integers(0, 10, sizes.pictures).astype(str),
    }
    net = {"name": "residual", "depths": [2, 2, 2, 2], "widths": list(sizes.widths), "preactivated": False, "stem": "small"}
    momentum = {"name": "momentum", "weight_decay": 5e-4, "momentum": 0.9}
    rule = {"steps": 5_000, "batch_size": sizes.batch, "optimizer": momentum, "rate": 0.01}
    stage, probing = bench.stage(data, {"data": {"target": "class"}, "model": net, "rule": rule})
    loop, program = Loop(stage, compiled=not bench.miniature), stage.program()
    loop.steps(3)
    steps_on(stage, 0, 3, program)
    ours, theirs = list[float](), list[float]()
    for number in range(ROUNDS):
        ours.append(bench.seconds(lambda n=number: steps_on(stage, 3 + n * sizes.steps, sizes.steps, program)) / sizes.steps)
        theirs.append(bench.seconds(lambda: loop.steps(sizes.steps)) / sizes.steps)
    ratios = sorted(his / mine for mine, his in zip(ours, theirs, strict=True))
    mine, his, ratio = map(statistics.median, (ours, theirs, ratios))
    return (
        f"{mine * 1e3:.2f} ms a step of {sizes.batch} pictures ({sizes.batch / mine:,.0f} a second, "
        f"{bench.share(stage, mine)}), the compiled loop {his * 1e3:.2f} ms; "
        f"{ratio:.2f} times as fast ({ratios[0]:.2f} to {ratios[-1]:.2f}); "
        f"plan: {stage.plan.told}; probe {probing:.1f} s (the pictures are random numbers)"
    )


def transformer(bench: Bench) -> str:
    """Tokens a second of a decoder over characters."""
    sizes = bench.sizes
    text, told = _text(bench)
    cut = len(text) * 9 // 10
    dataset = RunningText("text", {"train": text[:cut], "validation": text[cut:]}, sizes.context)
    net = {"name": "transformer", "layers": sizes.layers, "width": sizes.width, "heads": max(1, sizes.width // 64)}
    rule = {"steps": 5_000, "batch_size": sizes.windows, "optimizer": "adamw", "rate": 1e-3}
    stage, probing = bench.stage(dataset, {"model": net, "rule": rule})
    program = stage.program()
    steps_on(stage, 0, 3, program)
    blocks = [
        bench.seconds(lambda n=number: steps_on(stage, 3 + n * sizes.steps, sizes.steps, program)) / sizes.steps
        for number in range(ROUNDS)
    ]
    step, weights = statistics.median(blocks), sum(one.numel() for one in stage.rule.model.parameters())
    return (
        f"{sizes.windows * sizes.context / step:,.0f} tokens a second with {weights / 1e6:.1f} M weights "
        f"({bench.share(stage, step)}); "
        f"plan: {stage.plan.told}; probe {probing:.1f} s ({told})"
    )


def _text(bench: Bench) -> tuple[str, str]:
    """Tiny Shakespeare, or letters at random; and which."""
    with suppress(KeyError, FileNotFoundError):
        if not bench.miniature:
            path = Path(os.environ["THALWEG_DATA"]) / "tinyshakespeare" / "input.txt.gz"
            return gzip.decompress(path.read_bytes()).decode(), "Tiny Shakespeare"
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .,;:!?'-\n&3$"
    drawn = random.Random(0).choices(letters, k=4_000 if bench.miniature else 1_000_000)
    return "".join(drawn), "letters at random: Tiny Shakespeare is not at hand"


WORKLOADS: Mapping[str, Callable[[Bench], str]] = {"mnist": mnist, "resnet18": resnet18, "transformer": transformer}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="workloads, parted by commas: " + ", ".join(WORKLOADS))
    parser.add_argument("--rehearse", action="store_true", help="in miniature on the CPU")
    asked = parser.parse_args()
    if not asked.rehearse and not torch.cuda.is_available():
        raise SystemExit(f"this measures on a CUDA GPU, and torch {torch.__version__} finds none here: nothing was run")
    bench = Bench(torch.device("cpu"), MINIATURE) if asked.rehearse else Bench(torch.device("cuda", 0), WHOLE)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    where = processor(bench.device) + (", rehearsed in miniature: no figure means anything" if asked.rehearse else "")
    print(f"{where}; torch {torch.__version__}, commit {commit or 'unknown'}")
    for name in asked.only.split(",") if asked.only else WORKLOADS:
        print(f"{name}: {WORKLOADS[name](bench)}", flush=True)


if __name__ == "__main__":
    main()
