"""Differential equations: a net becomes the function that solves one, from points alone (physics-informed learning).

Reference: Raissi, Perdikaris and Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045, eq. 4; Lagaris, Likas and Fotiadis 1998,
doi:10.1109/72.712178.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.dataset import Dataset
from thalweg.data.equation import Equation
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


class EquationSettings(Settings):
    """How the parts of the objective are weighed."""

    conditions: float = Field(
        1.0, gt=0, le=1e9, json_schema_extra={"scale": "log"}, description="weight of initial and boundary conditions"
    )


@task(
    "differential-equation",
    settings=EquationSettings,
    target="none",
    precision="float64",
    recipe={
        "optimizer": {
            "name": "lbfgs",
            "iterations": 300,
            "history": 100,
            "change_tolerance": 1e-14,
            "gradient_tolerance": 1e-10,
        },
        "steps": 4,
        "batch_size": 64,
    },
    paper="Raissi et al. 2019, doi:10.1016/j.jcp.2018.10.045",
)
class DifferentialEquation(Task):
    """The squared residual at points drawn anew, and the squared failure of the conditions; no solution is ever shown.

    Derivatives of the second and higher orders lose too many digits in float32, hence the precision; the loss is smooth
    and nearly without noise, hence L-BFGS.
    """

    settings: EquationSettings
    equation: Equation | None = None

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), (encodings.target.port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("relative-error", "rmse")}

    def adopt(self, dataset: Dataset) -> None:
        if not isinstance(dataset, Equation):
            raise UsageRefusal(
                "TASK_NEEDS_EQUATION",
                f"{dataset.name} states no differential equation",
                where="--task differential-equation",
                why="without one there is nothing that a function could satisfy",
                fix="data that state one (damped-oscillator, or an Equation of your own), or another task",
            )
        self.equation = dataset

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.equation is not None, "adopt comes before training"
        (name,) = (port.name for port in self.ports.inputs)

        def unknown(points: Tensor) -> Tensor:
            arguments, named = self.ports.given({name: points})
            value: Tensor = model(*arguments, **named)
            return value

        residual, failed = self.equation.failures(unknown, batch[name])
        failing, conditions = residual.square().sum(1), failed.square().sum()  # (B,), ()
        measures = {"residual": failing.detach().mean(), "conditions": conditions.detach()}
        weighed = failing + self.settings.conditions * conditions
        return Losses(weighed, torch.ones_like(weighed), measures)

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.ports.output.name
        values = self.predict(model, batch, at, Request())[name]
        return metric_rows(self.metrics, {"values": values}, batch[name])

    def trivial(self, batches: Batches) -> Model:
        """Nothing happens: 0 everywhere."""
        width = self.ports.output.width
        return lambda *given, **named: torch.zeros_like([*given, *named.values()][0][:, :1]).expand(-1, width)

    def perfect(self, batch: Batch) -> Model:
        """The solution at the points of the batch, as the equation knows it."""
        answer = batch[self.ports.output.name]
        return lambda *given, **named: answer

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        name = self.ports.output.name
        return {name: self.encodings.target.decode(predicted[name])}
