"""Multi-label classification: any number of labels for each example."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric, metric_rows, of_each_member


class MultiLabelSettings(Settings):
    """Which loss labels are learned by, and from where on a label is given."""

    loss: Choice = Choice(name="binary-cross-entropy")
    threshold: float = Field(0.5, gt=0, lt=1, description="probability from which a label is given")


@task("multi-label", settings=MultiLabelSettings, target="labels", capturable=True)
class MultiLabel(Task):
    """Logits (B, C) against indicators (B, C), each label a question of its own."""

    by_rows = True
    settings: MultiLabelSettings

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), (encodings.target.port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("micro-f1", "subset-accuracy", "auc")}

    def make_loss(self) -> Loss:
        return made_loss(self.settings.loss, target="labels", classes=self._labels())

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        arguments, named = self.ports.given(batch)
        loss = of_each_member(self.loss, model(*arguments, **named), batch[self.ports.output.name])
        return self.weighted(loss, batch)

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        arguments, named = self.ports.given(batch)
        return {"probabilities": model(*arguments, **named).float().sigmoid()}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        probabilities = self.predict(model, batch, at, Request())["probabilities"]
        readings = {"probabilities": probabilities, "classes": self._given(probabilities)}
        return metric_rows(self.metrics, readings, batch[self.ports.output.name].long())

    def trivial(self, batches: Batches) -> Model:
        name = self.ports.output.name
        shares = torch.cat([batch[name].double().cpu() for batch in batches]).mean(0).clamp(1e-6, 1 - 1e-6)
        return lambda *given, **named: shares.logit().expand(len([*given, *named.values()][0]), -1)

    def perfect(self, batch: Batch) -> Model:
        target = batch[self.ports.output.name]
        return lambda *given, **named: 50.0 * (2.0 * target.float() - 1.0)

    def names_of_values(self) -> Mapping[str, list[str]]:
        return {"probabilities": [f"probability_{label}" for label in self._labels()]}

    def _labels(self) -> Sequence[object]:
        """What each label is called; its number where it has no name."""
        each = self.encodings.target.decode(torch.eye(self.ports.output.width))
        return range(len(each)) if isinstance(each, np.ndarray) else [given[0] for given in each]

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        probabilities = predicted["probabilities"].detach().cpu()
        labels = self.encodings.target.decode(self._given(probabilities))
        return {self.ports.output.name: labels, "probabilities": probabilities.numpy()}

    def _given(self, probabilities: Tensor) -> Tensor:
        return (probabilities >= self.settings.threshold).long()
