"""Control: the worth of every action in what is seen, so that the best one can be taken; measured by playing episodes.

Reference: Watkins and Dayan 1992, doi:10.1007/BF00992698; Mnih et al. 2015, doi:10.1038/nature14236, for the loss.

Letters: B episodes or transitions, A actions.
"""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset, Environment
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric


class ControlSettings(Settings):
    """Which loss values of actions are learned by."""

    loss: Choice = Choice(name="huber")


class Episodes(Request):
    """What may be asked of a policy beyond what to do now."""

    episodes: int = Field(1, ge=1, le=1_000_000, description="how many episodes are played, where no observation is given")


@task("control", settings=ControlSettings, target="none", rule="temporal-difference")
class Control(Task):
    """Values (B, A) of the actions in observations (B, ...); to learn, `action` (B,) and `value` (B,) stand in the batch."""

    asks = Episodes
    counted = "episodes"
    settings: ControlSettings
    environment: Environment | None = None

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), (encodings.target.port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {"mean-return": made_metric("mean-return")}

    def make_loss(self) -> Loss:
        return made_loss(self.settings.loss)

    def adopt(self, dataset: Dataset) -> None:
        if not isinstance(dataset, Environment):
            raise UsageRefusal(
                "TASK_NEEDS_ENVIRONMENT",
                f"{dataset.name} is no world to act in",
                where="--task control",
                why="actions are judged by what comes of them",
                fix="an environment (cartpole, or an Environment of your own), or another task",
            )
        self.environment = dataset
        self.metrics = {"mean-return": made_metric("mean-return", {"most": dataset.most})}

    def values(self, model: Model, observation: Tensor) -> Tensor:
        """The worth (B, A) of each action in observations (B, ...)."""
        arguments, named = self.ports.given({self.ports.inputs[0].name: observation})
        values: Tensor = model(*arguments, **named)
        return values

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        arguments, named = self.ports.given(batch)
        taken = model(*arguments, **named).gather(1, batch["action"][:, None]).squeeze(1)
        return Losses.equal(self.loss(taken, batch["value"]))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """The best action in observations, or the returns and lengths of episodes played from start states."""
        if "state" in batch:
            returns, lengths = self.played(model, batch["state"])
            return {"return": returns, "length": lengths}
        values = self.values(model, batch[self.ports.inputs[0].name])
        return {"action": values.argmax(1), "values": values}

    def played(self, model: Model, state: Tensor) -> tuple[Tensor, Tensor]:
        """Returns (B,) and lengths (B,) int64 of one greedy episode from each start state (B, S), all at once."""
        assert self.environment is not None, "adopt comes before playing"
        returns, lengths = state.new_zeros(len(state)), torch.zeros(len(state), dtype=torch.int64, device=state.device)
        going = torch.ones(len(state), dtype=torch.bool, device=state.device)
        for _ in range(self.environment.limit):
            action = self.values(model, self.environment.observe(state)).argmax(1)
            state, reward, ended = self.environment.move(state, action)
            returns, lengths = returns + reward * going, lengths + going
            going = going & ~ended
            if not bool(going.any()):
                break
        return returns, lengths

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        returns, _ = self.played(model, batch["state"])
        return {"mean-return": self.metrics["mean-return"].rows(returns, returns)}

    def trivial(self, batches: Batches) -> Model:
        """Any action with equal chances."""
        generator, actions = torch.Generator().manual_seed(0), self.ports.output.width
        return lambda *given, **named: torch.rand(len([*given, *named.values()][0]), actions, generator=generator)

    def asked(self, request: Mapping[str, Any], at: Position) -> Batch:
        """Start states of as many episodes as are asked for."""
        assert self.environment is not None, "adopt comes before playing"
        asked = self.request(request)
        assert isinstance(asked, Episodes)
        return Batch.of({"state": self.environment.reset(at.generator("episodes"), asked.episodes)})

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        plain = {name: tensor.cpu().numpy() for name, tensor in predicted.items() if name != "action"}
        actions = {"action": self.encodings.target.decode(predicted["action"])} if "action" in predicted else {}
        return {**actions, **plain}
