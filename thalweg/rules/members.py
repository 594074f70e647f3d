"""Many members at once: the same net from many seeds, parameters stacked, one backward pass for all of them.

Each member learns as it would alone: its own weights, its own slope, its own clipping and guard; only the batches are shared.
For small nets this is bound by arithmetic instead of by the overhead of a thousand small steps.

Letters: M members, B batch.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call, vmap

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.optimizers._descent import DescentSettings, Slope, make_descent
from thalweg.rules._rule import Context, Rule, RuleSettings
from thalweg.tasks._task import Task


class MembersSettings(RuleSettings, DescentSettings):
    """How many members learn, how long, by which descent."""

    members: int = Field(16, ge=1, le=100_000, description="nets that learn side by side, each from a seed of its own")


class Members(nn.Module):
    """A net with stacked weights: its answer is the mean over members; `each` gives them one by one."""

    def __init__(self, module: nn.Module, count: int, generator: torch.Generator) -> None:
        super().__init__()
        self.names = [name for name, _ in module.named_parameters()]
        drawn = _drawn(module, count, generator)
        self.stacked = nn.ParameterList(nn.Parameter(torch.stack(own)) for own in zip(*drawn, strict=True))
        self._module = (copy.deepcopy(module).to("meta"),)  # a tuple, so that its own weights are no part of the state

    @property
    def weights(self) -> dict[str, Tensor]:
        """The stacked weights (M, ...) by the names that they have in one member."""
        return dict(zip(self.names, self.stacked, strict=True))

    def call(self, weights: Mapping[str, Tensor]) -> Callable[..., Any]:
        """One member as a callable, from its weights."""
        self._module[0].train(self.training)  # it is no submodule, and would not know whether it learns or answers
        return lambda *given, **named: functional_call(self._module[0], dict(weights), given, named)

    def each(self, *given: Tensor, **named: Tensor) -> Tensor:
        """Every member's answer (M, B, ...)."""
        answers: Tensor = vmap(lambda weights: self.call(weights)(*given, **named), randomness="different")(self.weights)
        return answers

    def forward(self, *given: Tensor, **named: Tensor) -> Tensor:
        """The members' mean answer (B, ...)."""
        return self.each(*given, **named).mean(0)


def _drawn(module: nn.Module, count: int, generator: torch.Generator) -> list[list[Tensor]]:
    """The weights of `count` members, each drawn by the layers' own `reset_parameters` from a seed of its own."""
    fresh = copy.deepcopy(module)
    weights = [parameter.detach() for parameter in fresh.parameters()]
    found = [getattr(layer, "reset_parameters", None) for layer in fresh.modules()]
    resets: list[Callable[[], None]] = [reset for reset in found if callable(reset)]
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for seed in torch.randint(2**62, (count,), generator=generator).tolist():
            torch.default_generator.manual_seed(seed)
            for reset in resets:
                reset()
            drawn.append([weight.clone() for weight in weights])
    return drawn


@rule("members", settings=MembersSettings, gradient=True)
class MembersRule(Rule):
    """Backpropagation through all members at once; a member whose slope is not finite stands still for that step."""

    settings: MembersSettings

    def __init__(self, task: Task, model: nn.Module, settings: MembersSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        _refuse_unfit(model, settings)
        seed = int(torch.randint(2**62, ()))  # the caller seeds torch's generator from the position
        self.members = Members(model, settings.members, torch.Generator().manual_seed(seed)).to(context.device)
        one_by_one = settings.model_copy(update={"clip": None})
        self.descent = make_descent(self.members.weights, one_by_one, processes=context.processes)
        self.shipped, self.learned = self.members, {"members": self.members, "descent": self.descent}

    def shell(self) -> dict[str, Any]:
        return {"members": self.settings.members}

    @staticmethod
    def in_shell(model: nn.Module, settings: Settings) -> Members:
        assert isinstance(settings, MembersSettings)
        return Members(model, settings.members, torch.Generator().manual_seed(0))

    def slope(self, batch: Batch) -> Slope:
        """The members' slopes (M, ...), zero where a member's is not finite."""
        weights = self.members.weights

        def one(own: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
            losses = self.task.objective(self.members.call(own), batch)
            return (losses.loss * losses.weight).sum(), losses.weight.sum()

        totals, counted = vmap(one, randomness="different")(weights)  # (M,), (M,)
        gradients = torch.autograd.grad(totals.sum(), list(weights.values()))
        norms = torch.stack([gradient.flatten(1).square().sum(1) for gradient in gradients]).sum(0).sqrt()  # (M,)
        sound = torch.isfinite(norms) & torch.isfinite(totals.detach())
        shares = torch.where(sound, self._clipped(norms, counted), 0)
        held = [_times(torch.nan_to_num(gradient, 0.0, 0.0, 0.0), shares) for gradient in gradients]
        loss = torch.where(sound, totals.detach(), 0).sum() / sound.sum().clamp(min=1)
        return Slope(held, loss, counted.detach()[0], {"sound": sound})

    def _clipped(self, norms: Tensor, counted: Tensor) -> Tensor:
        if self.settings.clip is None:
            return torch.ones_like(norms)
        return (self.settings.clip * counted / (norms + 1e-12)).clamp(max=1.0)

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        slope = self.slope(self.task.prepare(batch, at))
        broken = ~slope.measures["sound"]
        kept = [(one, one.detach()[broken]) for one in self._by_member()] if bool(broken.any()) else []
        finite = self.descent.update(slope, at)
        with torch.no_grad():
            for one, rows in kept:
                one[broken] = rows
        return {"loss": slope.loss / slope.weight.clamp(min=1e-12), "finite": finite & ~broken.all()}

    def _by_member(self) -> list[Tensor]:
        """All that has an axis of members: weights, and what the optimizer remembers of each (not its count of steps)."""
        weights = list(self.members.stacked)
        return [*weights, *(one for own in self.descent.optimizer.state.values() for one in own.values() if _stacked(one))]


def _stacked(state: object) -> bool:
    return isinstance(state, Tensor) and state.dim() > 0


def _times(gradient: Tensor, shares: Tensor) -> Tensor:
    return gradient * shares.view(-1, *[1] * (gradient.dim() - 1))


def _refuse_unfit(model: nn.Module, settings: MembersSettings) -> None:
    name = settings.optimizer.name
    if not registry.facts("optimizer", name).get("elementwise", False):
        raise UsageRefusal(
            "MEMBERS_OPTIMIZER",
            f"{name} does not treat each weight by itself",
            where="rule members",
            why="members would influence each other",
            fix="--set rule.optimizer=adamw, or another that is elementwise: thalweg list optimizers",
        )
    buffers = [buffer for buffer, _ in model.named_buffers()]
    if buffers:
        raise UsageRefusal(
            "MEMBERS_BUFFERS",
            f"the model holds what is no weight: {', '.join(buffers[:3])}",
            where="rule members",
            why="members would share it, as running statistics of batch normalisation are shared",
            fix="a model without such buffers, or another rule: --rule backpropagation",
        )
