"""Weights: what they were before the first step, how far a step moves them, and which never move."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.parameter import UninitializedParameter

from thalweg.doctor.figures import rounded
from thalweg.doctor.layers import name_of
from thalweg.doctor.lines import Matrix, Still

MARKED, COMPARED = 512, 65_536
"""Values of a matrix by which it is told whether it ever changed, and by which a step is measured."""
SMALL, WIDEST = 256, 512
"""Values below which nobody can tell what is random; rows and columns that are looked at."""
ALL = "all of them"
"""What the norm of the whole gradient is called among those of layers."""
RANDOM = 1.1
"""The largest singular value of a random matrix, over what theory says of large ones."""


@dataclass(frozen=True)
class Held:
    """A matrix, and some of its values as they were."""

    name: str
    layer: str
    parameter: Tensor
    looked_up: bool
    convolves: bool
    marks: Tensor


class Weights:
    """The matrices of a model.

    Args:
        model: as it is before its first step.
    """

    def __init__(self, model: nn.Module) -> None:
        every = [
            _held(name_of(layer), module, name, one)
            for layer, module in model.named_modules()
            for name, one in module.named_parameters(recurse=False)
            if one.dim() >= 2 and one.is_floating_point() and not isinstance(one, UninitializedParameter)
        ]
        self.held = list({id(one.parameter): one for one in every}.values())  # shared ones once
        self._before: list[Tensor] = []
        self._reached, self._moving = set[int](), set[int]()

    def matrices(self) -> list[Matrix]:
        """Their lines in the trace."""
        return [
            Matrix(name=one.name, layer=one.layer, shape=list(one.parameter.shape), gain=_gain(one), looked_up=one.looked_up)
            for one in self.held
        ]

    @torch.no_grad()
    def note(self) -> None:
        """Keep what they are, ahead of a step."""
        self._before = [_some(one.parameter, COMPARED).clone() for one in self.held if not one.looked_up]

    @torch.no_grad()
    def moved(self) -> list[Tensor]:
        """How far the step moved each as a share of its size, () each; those that stood still are left out by the reader."""
        now = [_some(one.parameter, COMPARED) for one in self.held if not one.looked_up]
        moves = torch._foreach_norm(torch._foreach_sub(now, self._before)) if now else ()
        sizes = torch._foreach_norm(self._before) if now else ()
        self._before = []
        return [move / size.clamp(min=1e-12) for move, size in zip(moves, sizes, strict=True)]

    def rated(self, optimizer: torch.optim.Optimizer) -> None:
        """Note what has a learning rate ahead of a step: a schedule may end at 0."""
        groups = [group for group in optimizer.param_groups if float(group.get("lr", 1.0)) != 0]
        self.learn([one for group in groups for one in group["params"]])

    def learn(self, parameters: Iterable[Tensor]) -> None:
        """Note that these have a learning rate at some step."""
        self._moving |= {id(one) for one in parameters}

    @torch.no_grad()
    def gradients(self, slopes: Mapping[int, Tensor | None] | None = None) -> dict[str, Tensor]:
        """By layer: the largest root mean square () of the gradient of one of its matrices; and the norm of all.

        Args:
            slopes: by the identity of the parameter; None: those that the parameters hold.
        """
        held = {id(one.parameter): one.parameter.grad for one in self.held} if slopes is None else slopes
        self._reached |= {one for one, slope in held.items() if slope is not None}
        there = [one for one in self.held if held.get(id(one.parameter)) is not None and not one.looked_up]
        norms = torch._foreach_norm([_dense(held[id(one.parameter)]) for one in there]) if there else ()
        found: dict[str, Tensor] = {}
        if there:
            found[ALL] = torch.linalg.vector_norm(torch.stack([norm.float() for norm in norms]))
        for one, norm in zip(there, norms, strict=True):
            size = norm.float() / math.sqrt(one.parameter.numel())
            found[one.layer] = torch.maximum(found[one.layer], size) if one.layer in found else size
        return found

    @torch.no_grad()
    def stills(self, optimizer: torch.optim.Optimizer, called: Mapping[str, object] | Sequence[str]) -> list[Still]:
        """The matrices of called layers that never changed for a reason that lies in how the training is set up."""
        rates = {id(one): float(group.get("lr", 1.0)) for group in optimizer.param_groups for one in group["params"]}
        found = []
        for one in self.held:
            if one.layer not in called or not torch.equal(_some(one.parameter, MARKED), one.marks):
                continue
            number = id(one.parameter)
            rate = 1.0 if number in self._moving else rates.get(number)
            reached = one.parameter.grad is not None or number in self._reached
            reason = _reason(one.parameter, rate, reached=reached)
            if reason:
                learns = one.parameter.requires_grad
                found.append(Still(name=one.name, layer=one.layer, reason=reason, random=_random(one.parameter), learns=learns))
        return found


def _held(layer: str, module: nn.Module, name: str, parameter: Tensor) -> Held:
    looked_up = isinstance(module, nn.Embedding | nn.EmbeddingBag)
    return Held(f"{layer}.{name}".lstrip("."), layer, parameter, looked_up, isinstance(module, _ConvNd), _marks(parameter))


def _dense(gradient: Tensor | None) -> Tensor:
    assert gradient is not None
    return gradient.to_dense() if gradient.is_sparse else gradient


def _reason(parameter: Tensor, rate: float | None, *, reached: bool) -> str:
    if not parameter.requires_grad:
        return "its requires_grad is off"
    if rate is None:
        return "it is not in the optimizer"
    if rate == 0:
        return "its learning rate is 0"
    return "" if reached else "no gradient reaches it"


@torch.no_grad()
def _gain(held: Held) -> float | None:
    """Standard deviation times the root of the fan-in: 0.58 for layers as torch makes them, 1.4 for Kaiming's."""
    shape = held.parameter.shape
    fan_in = math.prod(shape[1:]) if held.convolves else shape[1] if len(shape) == 2 else min(shape[-2:])
    deviation = _some(held.parameter, COMPARED).float().std() if held.parameter.numel() > 1 else torch.zeros(())
    return rounded(float(deviation) * math.sqrt(fan_in))


@torch.no_grad()
def _marks(parameter: Tensor) -> Tensor:
    return _some(parameter, MARKED).clone()


def _some(parameter: Tensor, most: int) -> Tensor:
    """Values of a tensor (n,), evenly over it."""
    flat = parameter.detach().reshape(-1)
    return flat[:: max(1, -(-len(flat) // most))]


def _random(parameter: Tensor) -> bool | None:
    """It has no larger singular value than numbers drawn alike have; None where too few values tell."""
    matrix = parameter.detach().flatten(1)[:WIDEST, :WIDEST].float()
    if parameter.numel() < SMALL or matrix.numel() < SMALL:
        return None
    if not bool(torch.isfinite(matrix).all()):
        return False
    deviation = float(matrix.std())
    edge = deviation * (math.sqrt(matrix.shape[0]) + math.sqrt(matrix.shape[1]))
    return float(torch.linalg.matrix_norm(matrix, 2)) <= RANDOM * edge
