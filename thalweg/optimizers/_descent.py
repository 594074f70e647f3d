"""Descents: turn slopes into updates. Sums over processes, divides, penalises, clips, guards, sets the rate, steps.

A slope that is not finite leaves weights and optimizer state untouched; the rule spares averages and running statistics.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core import registry
from thalweg.core.errors import ResourceRefusal, UsageRefusal
from thalweg.core.exhaustion import out_of_memory
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.settings import Choice, Settings
from thalweg.optimizers._fused_adam import FusedAdam


@dataclass(frozen=True)
class Slope:
    """The gradient of the summed, weighted loss over some rows.

    Attributes:
        gradients: one per parameter, in the descent's order.
        loss: summed, weighted loss (scalar).
        weight: summed weight (scalar).
        measures: what the objective reported.
    """

    gradients: Sequence[Tensor]
    loss: Tensor
    weight: Tensor
    measures: Mapping[str, Tensor] = field(default_factory=dict)

    def __add__(self, other: "Slope") -> "Slope":
        gradients = torch._foreach_add(list(self.gradients), list(other.gradients))
        return Slope(gradients, self.loss + other.loss, self.weight + other.weight, self.measures)


class DescentSettings(Settings):
    """How slopes become updates."""

    optimizer: Choice = Choice(name="adamw")
    rate: float | None = Field(None, gt=0, le=1e6, description="learning rate at its peak; none: the optimizer's own")
    schedule: Choice | None = Field(None, description="how the rate goes; none: what suits the optimizer, else one-cycle")
    clip: float | None = Field(None, gt=0, description="largest norm of the whole gradient")
    l1: float = Field(0.0, ge=0, description="weight of the sum of absolute weights in the loss")
    l2: float = Field(0.0, ge=0, description="weight of half the sum of squared weights in the loss")


def make_descent(
    parameters: Mapping[str, Tensor],
    settings: DescentSettings,
    *,
    processes: Processes,
    scaled: bool = False,
    shares: Mapping[str, float] | None = None,
) -> "Descent":
    """The descent that the optimizer needs: one that may measure again for those that search along a line.

    Args:
        shares: by name of parameter, the share of the rate that it moves by; None: all by the whole.

    Raises:
        UsageRefusal: the optimizer searches along one line for all parameters, so that none can have a rate of its own.
    """
    searches = registry.facts("optimizer", settings.optimizer.name).get("line_search", False)
    if searches and shares is not None:
        raise UsageRefusal(
            "OPTIMIZER_GROUPS",
            f"{settings.optimizer.name} moves all parameters along one line, so none can have a rate of its own",
            where="--set rule.layer_decay",
            why="lower layers could not move more slowly",
            fix="another optimizer such as adamw, or leave layer_decay out",
        )
    made = (LineSearch if searches else Descent)(parameters, settings, processes=processes, scaled=scaled)
    if shares is not None:
        made.share_out(shares)
    return made


def _schedule(settings: DescentSettings) -> Callable[[int, int], float]:
    suits = registry.facts("optimizer", settings.optimizer.name).get("schedule", "one-cycle")
    choice = settings.schedule or Choice()
    name = choice.name or suits
    schedule, own = registry.load("schedule", name), registry.settings_of("schedule", name, choice.settings)
    return lambda step, total: float(schedule(own, step, total))


class Descent:
    """Updates one set of parameters from their slopes.

    Args:
        parameters: by name; state is kept under these names.
        scaled: losses are multiplied by `scale` before backward (float16), slopes divided by it here.

    Attributes:
        rate: the base rate of the settings, before the schedule.
        origin: what penalties pull each parameter towards; empty: zero.
        norm: () of the last slope, before it was clipped; None before the first, and where a search measures several.
    """

    def __init__(
        self, parameters: Mapping[str, Tensor], settings: DescentSettings, *, processes: Processes, scaled: bool = False
    ) -> None:
        self.names, self.parameters = list(parameters), list(parameters.values())
        self.settings, self.processes = settings, processes
        choice = settings.optimizer
        rates = {} if settings.rate is None else {"rate": settings.rate}
        build, own = registry.load("optimizer", choice.name), {**choice.settings, **rates}
        made = registry.settings_of("optimizer", choice.name, own)
        self.optimizer: torch.optim.Optimizer = build(self.parameters, made)
        self.rate = float(made.rate)  # type: ignore[attr-defined]
        self.peaks = [float(group["lr"]) for group in self.optimizer.param_groups]
        self._rate_of = _schedule(settings)
        self.origin: dict[str, Tensor] = {}
        self.norm: Tensor | None = None
        self.scaled, self.scale, self._calm = scaled, 65536.0 if scaled else 1.0, 0

    def share_out(self, shares: Mapping[str, float]) -> None:
        """Let each parameter move by its share of the rate: every group becomes one for each share."""
        share_of = {id(one): shares[name] for name, one in zip(self.names, self.parameters, strict=True)}
        groups = self.optimizer.param_groups
        groups[:] = [part for group in groups for part in _by_share(group, share_of)]
        self.peaks = [float(group["lr"]) for group in groups]

    def hold_near(self, origin: Mapping[str, Tensor]) -> None:
        """Let penalties pull parameters towards these values, by name, instead of zero.

        Reference: Li, Grandvalet and Davoine 2018, arXiv:1802.01483, eq. 4.
        """
        self.origin = {name: one.detach().clone() for name, one in origin.items()}

    def go_by(self, schedule: Callable[[int, int], float]) -> None:
        """Let the rate go another way than the settings say: as a share of the peak, by the step and the number of steps."""
        self._rate_of = schedule

    def share(self, at: Position) -> float:
        """The share of the peak rate at a position: a pure function of the step and the number of steps."""
        return self._rate_of(at.step, at.total)

    def shares(self, at: Position, steps: int) -> list[float]:
        """The shares of so many steps, from a position on."""
        return [self._rate_of(at.step + more, at.total) for more in range(steps)]

    def update(self, slope: Slope, at: Position, again: Callable[[], Slope] | None = None) -> Tensor:
        """One update; says whether the slope and the rate were finite (if not, nothing was touched).

        Args:
            again: measures the slope anew at the present weights; only line searches call it.
        """
        gradients, self.norm, finite = self._judged(slope)
        if not self._admitted(bool(finite)):
            return finite
        rates = self.rates(at)
        if not all(map(math.isfinite, rates)):
            return torch.zeros_like(finite)
        self._clip(gradients, self.norm)
        self._prepare(gradients, rates)
        self._move()
        return finite

    def _move(self) -> None:
        """Let the optimizer take its step: whole or, where memory is refused, not at all.

        Raises:
            ResourceRefusal: memory was refused in the midst of it.
        """
        fresh = not self.optimizer.state
        before = self._marks(fresh=fresh)
        try:
            self.optimizer.step()
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if fresh:
                self.optimizer.state.clear()  # what was made of it so far
            if before is None or self._marks(fresh=fresh) != before:
                raise half_done(self.settings.optimizer.name) from None
            raise

    def _marks(self, *, fresh: bool) -> list[int] | None:
        """What differs once anything was written; None where that leaves no mark: torch's fused kernels leave none.

        One such kernel is a whole update and asks for no memory; one for each of several groups is a part of an update. Ours
        have all that they need before the first one runs.

        Args:
            fresh: only weights count, since there is nothing else yet that could have changed.
        """
        optimizer: object = self.optimizer
        fused = [bool(group.get("fused")) for group in self.optimizer.param_groups]
        if isinstance(optimizer, FusedAdam) or fused == [True]:
            return []
        if all(fused):
            return None
        held = [] if fresh else [one for state in self.optimizer.state.values() for one in state.values()]
        return [one._version for one in (*self.parameters, *held) if isinstance(one, Tensor)]

    def update_unless(self, halted: Tensor, slope: Slope, rates: Sequence[float | Tensor]) -> None:
        """An update that does not wait for the device, of an optimizer that `may_halt`; without scales of losses.

        Args:
            halted: () float32, 1 where nothing is to change; becomes 1 here where the slope is not finite.
            rates: of each group of parameters.
        """
        gradients, norm, finite = self._judged(slope)
        torch.maximum(halted, (~finite).to(halted.dtype), out=halted)
        self._clip(gradients, norm)
        self._prepare(gradients, rates)
        self.optimizer.found_inf = halted  # type: ignore[attr-defined]
        self.optimizer.step()
        self.optimizer.found_inf = None  # type: ignore[attr-defined]

    def rates(self, at: Position) -> list[float]:
        """The rate of each group of parameters at a position."""
        share = self.share(at)
        return [share * peak for peak in self.peaks]

    def _judged(self, slope: Slope) -> tuple[list[Tensor], Tensor, Tensor]:
        """Gradients per unit of weight, their norm (), and whether they and the loss are finite ()."""
        gradients, loss = self._directed(slope)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        return gradients, norm, (loss + norm).abs() < math.inf  # false where either is no number

    def _directed(self, slope: Slope) -> tuple[list[Tensor], Tensor]:
        """Gradients and loss per unit of weight over all processes, penalties included."""
        *gradients, loss, weight = self.processes.sum([*slope.gradients, slope.loss, slope.weight])
        share = 1.0 / (weight.clamp(min=torch.finfo(weight.dtype).tiny) * self.scale)
        gradients = (
            list(torch._foreach_mul(gradients, share))
            if gradients[0].dtype == share.dtype
            else [gradient * share.to(gradient.dtype) for gradient in gradients]
        )
        return gradients, self._penalised(gradients, loss * share)

    def _penalised(self, gradients: list[Tensor], loss: Tensor) -> Tensor:
        l1, l2 = self.settings.l1, self.settings.l2
        for name, parameter, gradient in zip(self.names, self.parameters, gradients, strict=True) if l1 or l2 else ():
            value = parameter.detach() - self.origin.get(name, 0.0)
            gradient.add_(value.sign(), alpha=l1).add_(value, alpha=l2)
            loss = loss + l1 * value.abs().sum() + 0.5 * l2 * value.square().sum()
        return loss

    def _admitted(self, finite: bool) -> bool:
        """The guard; under float16 the scale halves after overflow and doubles after 2,000 calm steps."""
        if self.scaled:
            self._calm = self._calm + 1 if finite else 0
            self.scale = self.scale * 0.5 if not finite else self.scale
            if self._calm == 2000:
                self.scale, self._calm = self.scale * 2.0, 0
        return finite

    def _clip(self, gradients: list[Tensor], norm: Tensor) -> None:
        if self.settings.clip is not None:
            torch._foreach_mul_(gradients, (self.settings.clip / (norm + 1e-12)).clamp(max=1.0))

    @torch.no_grad()
    def _prepare(self, gradients: Sequence[Tensor], rates: Sequence[float | Tensor]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = _laid_out_as(parameter, gradient)

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state and the origins by parameter name, and the scale of losses."""
        packed = self.optimizer.state_dict()
        by_name = {self._ordered_names()[index]: state for index, state in packed["state"].items()}
        return {"optimizer": by_name, "scale": self.scale, "calm": self._calm, "origin": dict(self.origin)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        packed = self.optimizer.state_dict()
        index = {name: i for i, name in enumerate(self._ordered_names())}
        packed["state"] = {index[name]: value for name, value in state["optimizer"].items()}
        self.optimizer.load_state_dict(packed)
        shapes, origin = dict(zip(self.names, (one.shape for one in self.parameters), strict=True)), state.get("origin", {})
        if {name: one.shape for name, one in origin.items()} != {name: shapes[name] for name in origin}:
            raise ValueError("an origin is not shaped like its parameter")
        self.scale, self._calm, self.origin = state["scale"], state["calm"], dict(origin)

    def _ordered_names(self) -> list[str]:
        """Names in the order in which the optimizer counts its parameters (its groups may reorder them)."""
        names = {id(parameter): name for name, parameter in zip(self.names, self.parameters, strict=True)}
        return [names[id(one)] for group in self.optimizer.param_groups for one in group["params"]]


def _by_share(group: Mapping[str, Any], share_of: Mapping[int, float]) -> list[dict[str, Any]]:
    """A group of parameters as several, each with its share of the group's rate."""
    divided: dict[float, list[Tensor]] = {}
    for one in group["params"]:
        divided.setdefault(share_of[id(one)], []).append(one)
    return [{**group, "params": several, "lr": group["lr"] * share} for share, several in divided.items()]


class LineSearch(Descent):
    """A descent whose optimizer measures the slope again along its line (L-BFGS).

    A search that ends at weights which are not finite is undone.
    """

    def update(self, slope: Slope, at: Position, again: Callable[[], Slope] | None = None) -> Tensor:
        assert again is not None, "a line search needs to measure the slope again"
        first: list[Slope] = [slope]
        before, remembered = [parameter.detach().clone() for parameter in self.parameters], self._remembered()
        self._prepare([torch.zeros_like(parameter) for parameter in self.parameters], self.rates(at))

        def measure() -> Tensor:
            gradients, loss = self._directed(first.pop() if first else again())
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = _laid_out_as(parameter, gradient)
            return loss

        try:
            loss = self.optimizer.step(measure)  # type: ignore[arg-type]
        except (MemoryError, RuntimeError):  # a user's own loss may raise too: nothing of the search may stay
            self._place(before)
            self.optimizer.state.clear()
            self.optimizer.state.update(remembered)
            raise
        finite = torch.isfinite(torch.as_tensor(loss)) & torch.isfinite(torch.nn.utils.get_total_norm(self.parameters))
        if not bool(finite):
            self._place(before)
            self.optimizer.state.clear()
        return finite

    @torch.no_grad()
    def _place(self, weights: list[Tensor]) -> None:
        torch._foreach_copy_(self.parameters, weights)

    def _remembered(self) -> dict[Tensor, dict[str, Any]]:
        """What the optimizer remembers, so that a search which goes on with its own changes nothing of it."""
        return {one: {name: _kept(value) for name, value in state.items()} for one, state in self.optimizer.state.items()}


def _kept(value: Any) -> Any:  # noqa: ANN401 - tensors, lists of tensors that are never written into again, numbers
    if isinstance(value, Tensor):
        return value.clone()
    return list(value) if isinstance(value, list) else value


def half_done(who: str) -> ResourceRefusal:
    """The refusal of an update that memory ran out in: to take it again would count a part of it twice."""
    return ResourceRefusal(
        "STEP_HALF_DONE",
        "memory ran out in the midst of an update",
        where=f"optimizer {who}",
        why="the weights are neither the old ones nor the new ones; they are not saved, and earlier checkpoints are kept",
        fix="--resume, which goes on from the last checkpoint, with more memory free; or --set rule.optimizer=adamw",
    )


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient in the parameter's order in memory: torch's fused kernels on a CPU walk through both without looking.

    The gradient of `einsum("bi,oi->bo", x, weight)` comes transposed, that of a convolution's weights as torch pleases.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
