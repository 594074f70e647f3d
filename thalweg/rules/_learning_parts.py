"""Which parts of a model learn, and how fast: frozen layers, normalisation at rest, lower rates for lower layers.

A layer is a child of the model, or an entry of a list of modules that is one, from the bottom up; the head is the child of that
name, the trunk all the rest. Nothing is marked on the model for longer than a step.

Reference: Howard & Ruder 2018, arXiv:1801.06146 (gradual unfreezing, rates that fall from layer to layer).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from thalweg.core.errors import UsageRefusal, some_of

HEAD, TRUNK = "head", "trunk"


def layers(model: nn.Module) -> list[str]:
    """The names of a model's layers that hold weights, from the bottom up."""
    found: list[str] = []
    for name, child in model.named_children():
        inner = [f"{name}.{index}" for index in range(len(child))] if isinstance(child, nn.ModuleList) else [name]
        found += [one for one in inner if next(model.get_submodule(one).parameters(), None) is not None]
    return found


def frozen_parameters(model: nn.Module, asked: Sequence[str]) -> set[str]:
    """The names of the parameters that stay as they are.

    Args:
        asked: layers, or names that they begin with; `trunk` for all but the head.

    Raises:
        UsageRefusal: the model has no such layer, or no head.
    """
    known, names = layers(model), [name for name, _ in model.named_parameters()]
    for one in asked:
        has = HEAD in known if one == TRUNK else any(_within(name, one) for name in names)
        if not has:
            raise _unknown(one, known)
    return {name for name in names if any(_frozen(name, one) for one in asked)}


def _frozen(name: str, asked: str) -> bool:
    return not _within(name, HEAD) if asked == TRUNK else _within(name, asked)


def _within(name: str, layer: str) -> bool:
    return name == layer or name.startswith(f"{layer}.")


def _unknown(asked: str, known: Sequence[str]) -> UsageRefusal:
    shown = some_of(known, 6)
    headless = asked == TRUNK
    return UsageRefusal(
        "MODEL_NO_SUCH_LAYER",
        "the model has no layer called head, so that what its trunk is cannot be told"
        if headless
        else f"the model has no layer {asked}",
        where="--freeze",
        why="nothing would be frozen",
        fix=f"name layers of {shown or 'a model that has some'}",
    )


def shares_of_rate(model: nn.Module, decay: float) -> dict[str, float]:
    """For each parameter the share of the rate that it moves by: 1 in the top layer, `decay` times as much in each below."""
    known = layers(model)
    height = {layer: len(known) - 1 - index for index, layer in enumerate(known)}
    return {
        name: decay ** next((below for layer, below in height.items() if _within(name, layer)), 0)
        for name, _ in model.named_parameters()
    }


@dataclass(frozen=True)
class AtRest:
    """What does not learn: parameters without slopes, batch normalisations that keep their running statistics."""

    parameters: Sequence[nn.Parameter]
    norms: Sequence[_BatchNorm]

    @staticmethod
    def of(model: nn.Module, frozen: set[str], *, statistics: bool) -> "AtRest":
        """Of a model; with `statistics` every batch normalisation rests, else those whose weights are frozen."""
        named: Mapping[str, nn.Parameter] = dict(model.named_parameters())
        norms = [
            one
            for place, one in model.named_modules()
            if isinstance(one, _BatchNorm) and (statistics or f"{place}.weight" in frozen)
        ]
        return AtRest([one for name, one in named.items() if name in frozen and one.requires_grad], norms)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing of it moves inside; afterwards all is marked as it was."""
        awake = [one for one in self.norms if one.training]
        try:
            for norm in awake:
                norm.training = False
            for parameter in self.parameters:
                parameter.requires_grad_(False)
            yield
        finally:
            for norm in awake:
                norm.training = True
            for parameter in self.parameters:
                parameter.requires_grad_(True)
