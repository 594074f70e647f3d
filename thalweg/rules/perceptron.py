"""The perceptron rule: whenever a unit is wrong, its input is added to the weights that should have won.

Reference: Rosenblatt 1958, doi:10.1037/h0042519; Novikoff 1962, for the bound on mistakes, (R / margin)² on data that can be
separated; Freund and Schapire 1999, doi:10.1023/A:1007662407062, for the average.

Letters: n rows, D features with a constant 1 beside them, C units.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.rules._rule import Context, Rule, RuleSettings
from thalweg.tasks._task import Task


class PerceptronRuleSettings(RuleSettings):
    """How often through the data at most, and what ships. How many rows are handed over at once changes nothing."""

    epochs: int | None = Field(100, ge=1, le=1_000_000, description="times through the training part, at most")
    averaged: bool = Field(False, description="ship the mean of the weights after every row instead of the last")


class Tally:
    """What the rule counts: mistakes of this epoch and of all, rows seen, and the mean of the weights after each row."""

    def __init__(self, weights: Tensor) -> None:
        self.epoch, self.mistakes, self.rows = 0, 0, 0
        self.mean = torch.zeros_like(weights, dtype=torch.float64)

    def hold(self, weights: Tensor, rows: int) -> None:
        """The weights (C, D) stood for so many further rows."""
        self.rows += rows
        self.mean += (weights.double() - self.mean) * (rows / max(self.rows, 1))

    def state_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "mistakes": self.mistakes, "rows": self.rows, "mean": self.mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.epoch, self.mistakes, self.rows, self.mean = (state[name] for name in ("epoch", "mistakes", "rows", "mean"))


@rule("perceptron", settings=PerceptronRuleSettings, gradient=False, paper="Rosenblatt 1958, doi:10.1037/h0042519")
class PerceptronRule(Rule):
    """Goes through the rows one after another, whatever the size of a batch; finished when an epoch brings no mistake.

    Learns the `head` of a model that has one, a linear layer, on its `features`. Every process goes through all rows, as
    each row is judged by the weights that the one before left.
    """

    settings: PerceptronRuleSettings

    def __init__(self, task: Task, model: nn.Module, settings: PerceptronRuleSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        head = getattr(model, "head", None)
        if not isinstance(head, nn.Linear) or head.bias is None:
            raise UsageRefusal(
                "RULE_NEEDS_HEAD",
                f"{type(model).__name__} has no linear layer `head` with a bias",
                where="--rule perceptron",
                why="that layer is what the rule changes",
                fix="--model perceptron, or another rule: thalweg list rules",
            )
        self.head: nn.Linear = head
        self.tally = Tally(self._weights())
        self.learned = {"model": model, "tally": self.tally}
        self._length: int | None = None
        if settings.averaged:
            self.shipped = copy.deepcopy(model)
            self.learned["average"] = self.shipped

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        batches = dataset.batches("train", size=self._checked_size(dataset), augment=augment, training=True)
        self._length = batches.length
        return batches

    @torch.no_grad()
    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        arguments, named = self.task.ports.given(batch)
        features = self.model.features(*arguments, **named)  # type: ignore[operator]
        rows = torch.cat([features, torch.ones_like(features[:, :1])], 1)  # (n, D)
        mistakes = self._gone_through(rows, batch[self.task.ports.output.name])
        self.tally.epoch = mistakes + (self.tally.epoch if at.index else 0)
        self.tally.mistakes += mistakes
        if self.settings.averaged:
            _set(self.shipped, self.tally.mean)
        last = self._length is not None and at.index == self._length - 1
        return {"loss": torch.tensor(mistakes / batch.size), "finished": torch.tensor(last and not self.tally.epoch)}

    def _gone_through(self, rows: Tensor, target: Tensor) -> int:
        """Correct the weights at each row (n, D) that they get wrong, in order; returns how many those were."""
        mistakes, weights = 0, self._weights()
        while len(rows):
            said = _decided(rows @ weights.T)
            wrong = (said != target).nonzero()
            right = int(wrong[0]) if len(wrong) else len(rows)
            self.tally.hold(weights, right)
            if right < len(rows):
                weights = _corrected(weights, rows[right], said=int(said[right]), true=int(target[right]))
                self.tally.hold(weights, 1)
                mistakes += 1
            rows, target = rows[right + 1 :], target[right + 1 :]
        _set(self.model, weights)
        return mistakes

    def _weights(self) -> Tensor:
        return torch.cat([self.head.weight.detach(), self.head.bias.detach()[:, None]], 1)  # (C, D)


def _decided(scores: Tensor) -> Tensor:
    """Classes (n,) by the scores (n, C) of units; a lone unit fires above 0."""
    return scores.argmax(1) if scores.shape[1] > 1 else (scores[:, 0] > 0).long()


def _corrected(weights: Tensor, row: Tensor, *, said: int, true: int) -> Tensor:
    """Weights (C, D) after a mistake on a row (D,): towards it for the true class, away from it for the one that was said."""
    weights = weights.clone()
    if len(weights) == 1:
        weights[0] += row if true else -row
    else:
        weights[true] += row
        weights[said] -= row
    return weights


@torch.no_grad()
def _set(model: nn.Module, weights: Tensor) -> None:
    """Put weights (C, D) with the bias as their last column into the head."""
    head = model.get_submodule("head")
    assert isinstance(head, nn.Linear)
    head.weight.copy_(weights[:, :-1])
    head.bias.copy_(weights[:, -1])
