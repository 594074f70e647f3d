"""Adversarial play: a generator learns to make what a critic cannot tell from the data, which the critic learns to tell.

Reference: Goodfellow et al. 2014, arXiv:1406.2661, section 3, with the generator's non-saturating loss.
"""

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core import registry
from thalweg.core.device import autocast, weights_dtype
from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.core.settings import Choice
from thalweg.data.batch import Batch
from thalweg.fields.ports import Port, Ports
from thalweg.optimizers._descent import DescentSettings, Slope, make_descent
from thalweg.rules._gradient import GradientRule, GradientSettings, put_back, refuse_to_split, slope_of
from thalweg.rules._rule import Context, RuleSettings
from thalweg.tasks._task import Losses, Task

CALM = {"beta1": 0.5, "beta2": 0.99}
"""Adam with less memory: two players chase each other's moving target (Radford et al. 2015, arXiv:1511.06434)."""


class AdversarialSettings(RuleSettings, GradientSettings):
    """The two players: the generator descends by these settings, the critic by its own."""

    optimizer: Choice = Choice(name="adam", settings=CALM)
    schedule: Choice | None = Choice(name="constant")
    rate: float | None = Field(2e-3, gt=0, le=1e6, description="learning rate of the generator")
    average: float | None = Field(0.99, ge=0, lt=1, description="decay of the generator's average, which ships")
    critic: Choice = Field(
        Choice(name="mlp", settings={"hidden": [256, 128], "activation": "leaky-relu", "dropout": 0.3}),
        description="the model that judges examples",
    )
    critic_descent: DescentSettings = DescentSettings(
        optimizer=Choice(name="adam", settings=CALM), schedule=Choice(name="constant"), rate=2e-3
    )


@rule("adversarial", settings=AdversarialSettings, gradient=True, paper="Goodfellow et al. 2014, arXiv:1406.2661")
class Adversarial(GradientRule):
    """The critic takes a step, then the generator; each sees noise of its own. The generator ships.

    The critic reads what the generator makes, with what it was made from but for what was drawn.
    """

    settings: AdversarialSettings

    def __init__(self, task: Task, model: nn.Module, settings: AdversarialSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        made, seen = task.ports.output, tuple(port for port in task.ports.inputs if not port.drawn)
        ports = Ports((made, *seen), (Port("score", "number"),))
        choice = settings.critic
        built = registry.load("model", choice.name)(ports, registry.settings_of("model", choice.name, choice.settings))
        self.critic: nn.Module = built.to(context.device, weights_dtype(context.precision))
        self.critic_ports = ports.bound(self.critic)
        self.critic_descent = make_descent(
            dict(self.critic.named_parameters()),
            settings.critic_descent,
            processes=context.processes,
            scaled=context.precision == "float16",
        )
        self.learned |= {"critic": self.critic, "critic_descent": self.critic_descent}
        self.through, self._layers = (model, self.critic), (*model.modules(), *self.critic.modules())
        if self.parts > 1:
            refuse_to_split(task, self.critic)
        self._played: tuple[Position, Tensor, Tensor] | None = None

    def load_state_dict(self, state: Mapping[str, Any], *, grow: bool = False) -> None:
        super().load_state_dict(state, grow=grow)
        self._played = None

    def slope(self, batch: Batch) -> Slope:
        """The generator's slope: examples that the critic takes for real."""
        arguments, named = self.task.ports.given(batch)
        with autocast(self.context.device, self.context.precision):
            loss = nn.functional.softplus(-self._score(batch, self.model(*arguments, **named)))
        return slope_of(Losses.equal(loss), self.descent)

    def critic_slope(self, batch: Batch) -> Slope:
        """The critic's slope: real examples against made ones."""
        arguments, named = self.task.ports.given(batch)
        with autocast(self.context.device, self.context.precision):
            with torch.no_grad():
                made = self.model(*arguments, **named)
            false, true = self._score(batch, made), self._score(batch, batch[self.task.ports.output.name])
            loss = nn.functional.softplus(false) + nn.functional.softplus(-true)
        return slope_of(Losses.equal(loss), self.critic_descent)

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        if self._played is None or self._played[0] != at:  # else the generator was refused memory after the critic's step
            parts, statistics = self.prepare(batch, at.inside("critic")).parts(self.parts), self._statistics()
            try:
                slope = reduce(add, map(self.critic_slope, parts))
                calm = self.critic_descent.update(slope, at, again=lambda: reduce(add, map(self.critic_slope, parts)))
            except (MemoryError, RuntimeError):
                put_back(statistics)
                raise
            self._played = at, slope.loss / (slope.weight * self.critic_descent.scale), calm
        report = super().step(batch, at)
        (_, loss, calm), self._played = self._played, None
        return report | {"critic": loss, "finite": report["finite"] & calm}

    def _score(self, batch: Batch, examples: Tensor) -> Tensor:
        arguments, named = self.critic_ports.given({**batch, self.task.ports.output.name: examples})
        score: Tensor = self.critic(*arguments, **named)
        return score.flatten()
