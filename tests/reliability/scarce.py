"""Memory that is refused: a net and kernels of torch that raise what torch raises, from a step on, above so many rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.packages.trained import Heard
from tests.training.resuming import fitted
from thalweg.training.fit import Fitted
from thalweg.training.stage import Own

ROWS = 192
BATCH, STEPS, FITS = 32, 12, 8
PLAIN = {"optimizer": "sgd", "rate": 0.2, "schedule": "cosine"}
ADAM = {"optimizer": "adamw", "rate": 0.01, "average": 0.9}
HOW: dict[str, dict[str, Any]] = {"plain": {}, "adam": {"rule": ADAM, "precision": "float64"}}


def refused() -> torch.OutOfMemoryError:
    """What torch raises where a device has no more memory."""
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class Refusing(torch.autograd.Function):
    """The identity; its way back is refused memory for more than so many rows."""

    @staticmethod
    def forward(context: Any, x: Tensor, most: int) -> Tensor:
        context.most = most
        return x.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        if len(gradient) > context.most:
            raise refused()
        return gradient, None


class Scarce(nn.Module):
    """A small net, the same each time.

    Attributes:
        most: rows for which there is memory, by phase: forward, backward, evaluation.
        tried: rows of every forward pass in training.
    """

    def __init__(self, *, normalised: bool = False, inputs: int = 4) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first, self.last = nn.Linear(inputs, 8), nn.Linear(8, 3)
        self.between = nn.BatchNorm1d(8) if normalised else nn.Identity()
        for one in (self.first, self.last):
            for parameter in one.parameters():
                parameter.data = 0.4 * torch.randn(parameter.shape, generator=generator)
        self.most: dict[str, int] = {}
        self.tried: list[int] = []

    def forward(self, numbers: Tensor) -> Tensor:
        inner = self.between(self.first(numbers))  # statistics change before memory is refused
        if self.training:
            self.tried.append(len(numbers))
        if len(numbers) > self.most.get("forward" if self.training else "evaluation", ROWS):
            raise refused()
        return Refusing.apply(self.last(torch.tanh(inner)), self.most.get("backward", ROWS))


class Kernel:
    """A function of torch that is refused memory, before it does anything, in some of its calls.

    Attributes:
        after: calls that are served before one is not; None: all are.
        refusals: how many were not.
    """

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real, self.refusals = real, 0
        self.after: int | None = None

    def refuse(self, after: int = 0) -> None:
        """Refuse the call after so many."""
        self.after = after

    def __call__(self, *given: Any, **named: Any) -> Any:
        if self.after == 0:
            self.after, self.refusals = None, self.refusals + 1
            raise refused()
        self.after = None if self.after is None else self.after - 1
        return self.real(*given, **named)


@contextmanager
def kernel(name: str) -> Iterator[Kernel]:
    """A function of torch of that name, which can be made to be refused memory."""
    with pytest.MonkeyPatch.context() as patch:
        one = Kernel(getattr(torch, name))
        patch.setattr(torch, name, one)
        yield one


def numbers() -> dict[str, np.ndarray | list[str]]:
    """Four numbers a row, and one of three classes that follows from them."""
    drawn = np.random.default_rng(5).normal(size=(ROWS, 4))
    kinds = np.asarray(["a", "b", "c"])[np.abs(drawn[:, :3]).argmax(1)]
    return {"numbers": drawn.astype(np.float32), "kind": kinds.tolist()}


def asked(**changed: Any) -> dict[str, Any]:
    """The settings of a short run with a schedule, shuffled rows, and an evaluation in its middle."""
    rule = {"steps": STEPS, "batch_size": BATCH, **PLAIN, **changed.pop("rule", {})}
    return {"data": {"target": "kind"}, "rule": rule, "evaluate_every": 4, **changed}


def run(path: Path, net: nn.Module, *, talk: Heard | None = None, **how: Any) -> Fitted:
    """A training of a net on `numbers`."""
    settings = how.pop("settings", None) or asked(**how.pop("asked", {}))
    return fitted(settings, path, given=numbers(), own=Own(model=net), talk=talk, **how)


def weights(trained: Fitted) -> Tensor:
    """All that ships, flat."""
    return torch.cat([one.detach().double().flatten() for one in trained.package.model.parameters()])


def same_bits(one: Fitted, other: Fitted) -> bool:
    """Both ship the same, running statistics too."""
    pairs = zip(one.package.model.state_dict().values(), other.package.model.state_dict().values(), strict=True)
    return all(torch.equal(mine, its) for mine, its in pairs)
