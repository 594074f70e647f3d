"""Layers in one step: what comes to each layer with weights, read by hooks that stand for that step alone."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd
from torch.utils.hooks import RemovableHandle

from thalweg.doctor.figures import Figures
from thalweg.doctor.lines import Layer
from thalweg.doctor.makers import given_part, maker

NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.modules.instancenorm._InstanceNorm, nn.RMSNorm)
MOST_VALUES, FEWEST_ROWS = 32_768, 16
"""So many values of an input are read at most, but of so many rows in any case."""
REMEMBERED = 5
"""Samples over which a unit must be zero to be dead."""
FLAT = {"tanh": 0.97, "sigmoid": 0.97}
"""Beyond which a value lies at a flat end; of the sigmoid, 2a − 1: both have 0.06 of their largest slope there."""


def name_of(name: str) -> str:
    """A layer's name without what a compiler puts around it."""
    return name.replace("_orig_mod.", "").removeprefix("_orig_mod")


def acts_by_mode(model: nn.Module) -> bool:
    """Some of it acts otherwise in training than in evaluation."""
    return any(
        (isinstance(one, _DropoutNd) and one.p > 0) or (isinstance(one, _BatchNorm) and one.track_running_stats)
        for one in model.modules()
    )


@dataclass
class Zeros:
    """Which units of each layer's input were zero in all examples of the last samples."""

    held: dict[str, deque[tuple[Tensor, int]]] = field(default_factory=dict)

    def add(self, name: str, zero: Tensor, rows: int) -> tuple[Tensor, int]:
        """Add a sample's units (U,); returns those that were zero throughout, and over how many rows."""
        samples = self.held.setdefault(name, deque(maxlen=REMEMBERED))
        if samples and samples[-1][0].shape != zero.shape:
            samples.clear()
        samples.append((zero, rows))
        always = zero
        for one, _ in list(samples)[:-1]:
            always = always & one
        return always, sum(rows for _, rows in samples)


@dataclass
class Seen:
    """A layer in the step under way; its numbers lie among figures under its name."""

    name: str
    module: nn.Module
    facts: dict[str, Any]
    whole: bool
    """No slope leads back from its input."""


class LayersLook:
    """Hooks on all layers with weights, from `attach` to `remove`.

    Args:
        figures: takes the numbers.
        zeros: remembers units from sample to sample.
    """

    def __init__(self, model: nn.Module, figures: Figures, zeros: Zeros) -> None:
        self.model, self.figures, self.zeros = model, figures, zeros
        self.seen: dict[str, Seen] = {}
        self._sized: str | None = None
        self._hooks: list[RemovableHandle] = []

    def attach(self) -> None:
        """Begin to look."""
        for name, module in self.model.named_modules():
            if next(module.parameters(recurse=False), None) is not None:
                self._hooks.append(module.register_forward_pre_hook(self._hook(name_of(name)), with_kwargs=True))

    def remove(self) -> None:
        """Leave no hook behind."""
        for one in self._hooks:
            one.remove()
        self._hooks.clear()

    def lines(self, told: Mapping[Any, float | None], gradients: Mapping[str, float | None]) -> list[Layer]:
        """What was seen, in the order of calls."""
        return [
            Layer(name=one.name, type=type(one.module).__name__, gradient=gradients.get(one.name), **one.facts)
            .model_copy(update={key[1]: value for key, value in told.items() if key[0] == ("layer", one.name)})
            for one in self.seen.values()
        ]  # fmt: skip

    def _hook(self, name: str) -> Any:
        def given(module: nn.Module, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
            if torch.compiler.is_compiling() or not torch.is_grad_enabled():
                return
            values = next((one for one in (*positional, *named.values()) if _readable(one)), None)
            former = self.seen.get(name)
            if values is not None and (former is None or (former.whole and values.grad_fn is not None)):
                self._read(name, module, values)

        return given

    @torch.no_grad()
    def _read(self, name: str, module: nn.Module, values: Tensor) -> None:
        with torch.enable_grad():  # views are looked through by the graph
            made, part = maker(values, behind_pools=True), given_part(values)
        facts: dict[str, Any] = {"rows": int(values.shape[0]), "maker": made, "given": part is not None}
        facts["norm"] = isinstance(module, NORMS)
        facts["batch_norm"] = isinstance(module, _BatchNorm) and module.training
        cut = _cut(values)
        axis = 1 if isinstance(module, _ConvNd | _BatchNorm) and cut.dim() > 1 else -1
        if part is not None and self._sized in (None, name):
            self._sized = name
            self._sizes(name, _cut(part), axis)
        if made == "relu":
            facts |= self._units(name, cut, axis)
        elif made in FLAT:
            distance = cut.abs() if made == "tanh" else (2 * cut - 1).abs()
            self.figures.add((("layer", name), "flat"), (distance > FLAT[made]).float().mean())
        self.seen[name] = Seen(name, module, facts, whole=values.grad_fn is None)

    def _sizes(self, name: str, cut: Tensor, axis: int) -> None:
        """How large the net's own inputs are, and how differently its features vary."""
        square = cut.square()
        self.figures.add((("layer", name), "rms"), square.mean().sqrt())
        self.figures.add((("layer", name), "nonzero"), (square.sum() / (cut != 0).sum().clamp(min=1)).sqrt())
        features = cut.movedim(axis, 0).flatten(1)
        if features.shape[1] > 1:
            deviation = features.std(1)
            varying = deviation[deviation > 0]
            if len(varying) > 1:
                self.figures.add((("layer", name), "spread"), varying.max() / varying.median())

    def _units(self, name: str, cut: Tensor, axis: int) -> dict[str, Any]:
        zero = (cut.movedim(axis, 0).flatten(1) == 0).all(1)
        always, rows = self.zeros.add(name, zero, len(cut))
        self.figures.add((("layer", name), "zero"), zero.float().mean())
        self.figures.add((("layer", name), "dead"), always.float().mean())
        return {"units": len(zero), "seen": rows}


def _cut(values: Tensor) -> Tensor:
    """The first rows, as many as are read."""
    return values.detach()[: max(FEWEST_ROWS, MOST_VALUES // max(values[0].numel(), 1))].float()


def _readable(value: Any) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.dim() < 1 or not value.numel():
        return False
    return not torch._C._functorch.is_functorch_wrapped_tensor(value)
