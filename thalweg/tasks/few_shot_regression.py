"""Few-shot regression: weights from which a few steps on a few examples lead to a good function (meta-learning).

Reference: Finn, Abbeel and Levine 2017, arXiv:1703.03400, algorithm 2.

Letters: B tasks, K examples to learn from, Q to answer.
"""

from collections.abc import Mapping
from functools import partial

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Port, Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric


class FewShotSettings(Settings):
    """The inner descent: how a task is learned from its few examples."""

    loss: Choice = Choice(name="squared")
    inner_rate: float = Field(0.05, gt=0, json_schema_extra={"scale": "log"}, description="rate of the inner descent")
    inner_steps: int = Field(2, ge=0, le=1000, description="its steps; with none nothing is adapted")
    second_order: bool = Field(True, description="differentiate through the inner descent too")


@task(
    "few-shot-regression",
    settings=FewShotSettings,
    target="none",
    recipe={"rate": 0.01, "steps": 1000, "batch_size": 16},
    paper="Finn et al. 2017, arXiv:1703.03400",
)
class FewShotRegression(Task):
    """A row is a task: `support_x`, `support_y` (K,) are descended on, `query_x` (Q,) is answered with what came of it.

    The model maps one number, `x` (n, 1), to one, `y` (n, 1); each task has its own copy of the weights.
    """

    needs_gradients = True
    settings: FewShotSettings

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports((Port("x", "numbers", (1,)),), (Port("y", "number", (1,)),))

    @property
    def reads(self) -> frozenset[str]:
        """The examples of a task and the points to answer, though the model reads one number at a time."""
        return frozenset(one.name for one in self.encodings.inputs)

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric("rmse") for name in ("adapted-rmse", "unadapted-rmse")}

    def make_loss(self) -> Loss:
        return made_loss(self.settings.loss)

    def objective(self, model: Model, batch: Batch) -> Losses:
        return Losses.equal(self._judged(self.adapted(model, batch, self.settings.inner_steps), batch["query_y"]))

    def adapted(self, model: Model, batch: Batch, steps: int) -> Tensor:
        """Answers (B, Q) after so many steps of the inner descent on each task's examples."""
        assert isinstance(model, nn.Module), "the inner descent needs the weights"
        said = torch.func.vmap(partial(self._said, model), randomness="different")
        weights = {name: _copied(one, batch.size) for name, one in model.named_parameters()}  # (B, ...) each
        for _ in range(steps):
            loss = self._judged(said(weights, batch["support_x"]), batch["support_y"])
            slopes = torch.autograd.grad(loss.sum(), list(weights.values()), create_graph=self.settings.second_order)
            moved = zip(weights.items(), slopes, strict=True)
            weights = {name: one - self.settings.inner_rate * slope for (name, one), slope in moved}
        return said(weights, batch["query_x"])

    def _said(self, model: nn.Module, weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """(n,) answers of the model with a task's weights at points (n,)."""
        arguments, named = self.ports.given({"x": x[:, None]})
        answer: Tensor = torch.func.functional_call(model, dict(weights), arguments, named)
        return answer.reshape(-1)

    def _judged(self, said: Tensor, true: Tensor) -> Tensor:
        """(B,) the loss of answers (B, n)."""
        assert self.loss is not None
        return self.loss(said, true)

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        return {"query_y": self.adapted(model, batch, self.settings.inner_steps).detach()}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        steps = {"adapted-rmse": self.settings.inner_steps, "unadapted-rmse": 0}
        said = {name: self.adapted(model, batch, count).detach() for name, count in steps.items()}
        return {name: self.metrics[name].rows(values, batch["query_y"]) for name, values in said.items()}

    def trivial(self, batches: Batches) -> nn.Module:
        """A constant, which the inner descent moves towards the mean of the examples."""
        return _Constant()

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        return {"query_y": self.encodings.target.decode(predicted["query_y"])}


def _copied(weight: Tensor, count: int) -> Tensor:
    """A copy (B, ...) of a weight for each task, through which gradients reach it where it learns."""
    source = weight if weight.requires_grad else weight.detach().requires_grad_()
    return source.expand(count, *weight.shape)


class _Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.value.expand(len(x), 1)
