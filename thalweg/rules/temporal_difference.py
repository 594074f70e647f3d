"""Temporal differences: actions are worth their reward plus what the next state is worth, by a net's own, older word.

Reference: Sutton 1988, doi:10.1007/BF00115009; Watkins and Dayan 1992, doi:10.1007/BF00992698; Mnih et al. 2015,
doi:10.1038/nature14236, for replay and the target net; van Hasselt et al. 2016, arXiv:1509.06461, for double estimation.
"""

import copy
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.core.settings import Choice
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset, Environment
from thalweg.data.replay import Replay, ReplaySettings
from thalweg.rules._gradient import GradientRule, GradientSettings
from thalweg.rules._rule import Context
from thalweg.tasks._task import Task, restore_modes, set_evaluating


class TemporalDifferenceSettings(GradientSettings, ReplaySettings):
    """How long, from which memory, how boldly, how far ahead. There are no epochs: experience has no end."""

    schedule: Choice | None = Choice(name="constant")
    steps: int = Field(1_500, ge=1, le=1_000_000_000, description="steps of learning")
    discount: float = Field(0.99, ge=0, le=1, description="worth of a reward one move later")
    sync: int = Field(100, ge=1, description="steps between copies of the net to its target net")
    double: bool = Field(True, description="the net chooses the next action, the target net values it")
    boldest: float = Field(1.0, ge=0, le=1, description="chance of a random action at the start")
    boldness: float = Field(0.05, ge=0, le=1, description="chance of a random action in the end")
    exploring: float = Field(0.4, gt=0, le=1, description="share of the steps in which that chance falls")


@rule(
    "temporal-difference",
    settings=TemporalDifferenceSettings,
    gradient=True,
    paper="Mnih et al. 2015, doi:10.1038/nature14236",
)
class TemporalDifference(GradientRule):
    """Acts, remembers, and moves the worth of remembered actions towards what they led to."""

    settings: TemporalDifferenceSettings

    def __init__(self, task: Task, model: nn.Module, settings: TemporalDifferenceSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        self.target = copy.deepcopy(model).requires_grad_(False).eval()
        self.learned["target"] = self.target

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        if not isinstance(dataset, Environment):
            raise UsageRefusal(
                "RULE_NEEDS_ENVIRONMENT",
                f"{dataset.name} is no world to act in",
                where="--rule temporal-difference",
                why="this rule learns from what its own actions lead to",
                fix="an environment such as cartpole, or another rule: thalweg list rules",
            )
        return Replay(dataset, self.act, self.settings, processes=self.context.processes)

    def steps(self, batches: Batches) -> int:
        return self.settings.steps

    @torch.no_grad()
    def act(self, observation: Tensor, at: Position) -> Tensor:
        """The best action (n,) by the net as it is, or any, with a chance that falls with the position."""
        modes = set_evaluating(self.model)
        values = self._values(self.model, observation)
        restore_modes(modes)
        generator, count = at.generator("act"), len(observation)
        bold = torch.rand(count, generator=generator) < self.chance(at)
        random = torch.randint(values.shape[1], (count,), generator=generator)
        return torch.where(bold.to(values.device), random.to(values.device), values.argmax(1))

    def chance(self, at: Position) -> float:
        """The chance of a random action at a position: linear from the boldest to the least."""
        settings = self.settings
        share = min(1.0, at.step / max(1.0, settings.exploring * at.total))
        return settings.boldest + share * (settings.boldness - settings.boldest)

    @torch.no_grad()
    def prepare(self, batch: Batch, at: Position) -> Batch:
        """Adds what each remembered action came to: its reward, and the discounted worth of the best action after it."""
        if at.step % self.settings.sync == 0:
            self.target.load_state_dict(self.model.state_dict())
        following = self._values(self.target, batch["next"])  # (B, A)
        chooser = self._values(self.model, batch["next"]) if self.settings.double else following
        worth = following.gather(1, chooser.argmax(1, keepdim=True)).squeeze(1)
        value = batch["reward"] + self.settings.discount * worth.masked_fill(batch["ended"], 0.0)
        return self.task.prepare(batch.having({"value": value}), at)

    def _values(self, model: nn.Module, observation: Tensor) -> Tensor:
        """The worth (n, A) of each action."""
        arguments, named = self.task.ports.given({self.task.ports.inputs[0].name: observation})
        values: Tensor = model(*arguments, **named)
        return values
