"""Calls of layers: what each layer of a model was given and gave in one call, to say where something went wrong."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.optimizers._average import Follower
from thalweg.optimizers._descent import Descent
from thalweg.rules._rule import Rule


@dataclass(frozen=True)
class Call:
    """One layer's call.

    Attributes:
        name: of the layer within the model; the model's class for the model itself.
        arguments: what it was given by position.
        named: what it was given by name.
    """

    name: str
    module: nn.Module
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]

    @property
    def given(self) -> list[Tensor]:
        """The tensors that it was given."""
        return list(tensors_in([*self.arguments, *self.named.values()]))

    @property
    def told(self) -> str:
        """What it was given, for people: `x (8, 1, 28, 28) float32`."""
        named = [f"{name} {shapes([one])}" for name, one in self.named.items()]
        return ", ".join(([shapes(self.arguments)] if self.arguments else []) + named) or "nothing"

    @property
    def layer(self) -> str:
        """The layer with its sizes, for people: `Linear(in_features=4, out_features=2)`."""
        return described(self.module)

    @property
    def largest(self) -> float:
        """The largest number among what it was given and its own weights, by its size; infinite where one is not finite."""
        held = [*self.given, *self.module.parameters(recurse=False)]
        sizes = [float(one.detach().abs().max()) for one in held if one.is_floating_point() and one.numel()]
        return max((size if size == size else float("inf") for size in sizes), default=0.0)


class LayerCalls:
    """The calls of a model's layers, watched by hooks.

    Attributes:
        under_way: calls that have not ended, the innermost last; a layer that raised is among them.
        call: the model's own last call that ended.
        answer: what it gave.
        answered: it did give something.
        last: the last layer that called no other.
        bad: the first layer to give a number that is not finite.
        order: names of layers in the order in which they answered.
    """

    def __init__(self, model: nn.Module) -> None:
        self.names = {module: name or type(model).__name__ for name, module in model.named_modules()}
        self.model, self.under_way, self.order = model, list[Call](), list[str]()
        self.answer: Any = None
        self.answered = False
        self.call: Call | None = None
        self.last: Call | None = None
        self.bad: Call | None = None

    @property
    def hangs_on_weights(self) -> bool:
        """A slope leads back from the answer, where there is one."""
        return not self.answered or any(one.requires_grad for one in tensors_in([self.answer]))

    def enter(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        """A layer is called."""
        self.under_way.append(Call(self.names[module], module, given, named))

    def leave(self, module: nn.Module, given: tuple[Any, ...], answer: Any) -> None:  # noqa: ANN401
        """A layer has answered."""
        call = self.under_way.pop()
        self.order.append(call.name)
        if self.bad is None and _seen_not_finite(answer):
            self.bad = call
        if next(module.children(), None) is None:
            self.last = call
        if module is self.model:
            self.call, self.answer, self.answered = call, answer, True


@contextmanager
def traced(model: nn.Module) -> Iterator[LayerCalls]:
    """What the model's layers are given and give within; the hooks are gone afterwards."""
    trace = LayerCalls(model)
    hooks = [one.register_forward_pre_hook(trace.enter, with_kwargs=True) for one in model.modules()]
    hooks += [one.register_forward_hook(trace.leave) for one in model.modules()]
    try:
        yield trace
    finally:
        for hook in hooks:
            hook.remove()


def tensors_in(values: Sequence[Any]) -> Iterator[Tensor]:
    """All tensors among values and what they hold."""
    for one in values:
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, Mapping):
            yield from tensors_in(list(one.values()))
        elif isinstance(one, tuple | list):
            yield from tensors_in(one)


def _seen_not_finite(answer: Any) -> bool:  # noqa: ANN401 - whatever a forward returned
    try:
        return not all(finite(one) for one in tensors_in([answer]))
    except RuntimeError:  # under vmap no value can be looked at
        return False


def finite(tensor: Tensor) -> bool:
    """Every number is finite."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.detach()).all())


def described(module: nn.Module) -> str:
    """A layer with its sizes, for people; a module made of others by its class alone."""
    if next(module.children(), None) is not None or not module.extra_repr():
        return type(module).__name__
    return f"{type(module).__name__}({module.extra_repr()})"


def shapes(values: Sequence[Any]) -> str:
    """Shapes and types of values, for people: `(8, 4) float32, dict`."""
    told = [
        f"{tuple(one.shape)} {str(one.dtype).removeprefix('torch.')}" if isinstance(one, Tensor) else type(one).__name__
        for one in values
    ]
    return ", ".join(told) or "nothing"


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Running statistics and random state are put back afterwards, also where something raises."""
    held = [(module, name, one, one.clone()) for module in model.modules() for name, one in module.named_buffers(recurse=False)]
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        _put_back(held)


@torch.no_grad()
def _put_back(held: Sequence[tuple[nn.Module, str, Tensor, Tensor]]) -> None:
    for module, name, one, former in held:
        setattr(module, name, one)  # `self.mean = 0.9 * self.mean + ...` puts another tensor in its place
        one.copy_(former)


def unsaved(model: nn.Module) -> dict[str, Tensor]:
    """Copies of the buffers that neither checkpoints nor packages hold, by name."""
    saved = model.state_dict()
    return {name: one.clone() for name, one in model.named_buffers() if name not in saved}


def spoilt(rule: Rule) -> list[str]:
    """Names of what is not finite of all that a rule learns, remembers or ships.

    Buffers are spoilt by what is no number; infinity stands in masks.
    """
    modules = {name: one for name, one in rule.learned.items() if isinstance(one, nn.Module)} | {"": rule.shipped}
    modules |= {name: one.module for name, one in rule.learned.items() if isinstance(one, Follower)}
    seen: dict[int, str] = {}
    for of, module in modules.items():
        prefix = "" if of in ("", "model") else f"{of}: "
        for name, one in module.named_parameters():
            if id(one) not in seen and not finite(one):
                seen[id(one)] = prefix + name
        for name, held in module.named_buffers():
            if id(held) not in seen and held.is_floating_point() and bool(held.isnan().any()):
                seen[id(held)] = prefix + name
    return [*seen.values(), *spoilt_memory(rule)]


def spoilt_memory(rule: Rule) -> list[str]:
    """Names of what optimizers remember that is not finite: `exp_avg of first.weight`."""
    found = []
    for descent in rule.learned.values():
        for name, state in descent.state_dict()["optimizer"].items() if isinstance(descent, Descent) else ():
            found += [f"{key} of {name}" for key, one in state.items() if isinstance(one, Tensor) and not finite(one)]
    return found
