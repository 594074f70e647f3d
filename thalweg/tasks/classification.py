"""Classification: one class of several for each example; binary where there are two."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric, metric_rows, of_each_member

UNEVEN = 3
"""How many times the rarest class the commonest must stand for further figures to be told beside accuracy."""
FLATTERING = 0.8
"""Share of one class from which on accuracy is no headline: always saying that class would reach it."""
MOST_RANKED = 30
"""Classes up to which each is ranked against the rest."""


class ClassificationSettings(Settings):
    """Which loss classes are learned by."""

    loss: Choice = Choice(name="cross-entropy")


@task("classification", settings=ClassificationSettings, target="category", capturable=True)
class Classification(Task):
    """Logits (B, C) against class codes (B,), or against class probabilities (B, C) where augmentation mixed them."""

    by_rows = True
    settings: ClassificationSettings

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), (encodings.target.port,))

    def make_metrics(self) -> dict[str, Metric]:
        usual = {name: made_metric(name) for name in ("accuracy", "log-loss")}
        counts = self.encodings.target.balance or [1]
        if len(counts) < 2 or max(counts) < UNEVEN * min(counts):
            return usual
        classes = {"classes": len(counts)}
        found = (
            {"f1": made_metric("f1", {"positive": counts.index(min(counts))})}
            if len(counts) == 2
            else {"macro-f1": made_metric("macro-f1", {**classes, "over": "true"})}
        )
        ranked = {"auc": made_metric("auc")} if len(counts) <= MOST_RANKED else {}
        beside = {"balanced-accuracy": made_metric("balanced-accuracy", classes), **ranked}
        return {**found, **usual, **beside} if _flatters(counts) else {**usual, **found, **beside}

    @property
    def notes(self) -> list[str]:
        counts, target = self.encodings.target.balance or [1], self.encodings.target
        if not _flatters(counts):
            return []
        names = target.decode(torch.tensor([counts.index(max(counts)), counts.index(min(counts))]))
        share = max(counts) / sum(counts)
        judged = f'F1 of "{names[1]}"' if len(counts) == 2 else "the mean F1 of all classes"
        return [
            f'unbalanced: "{names[0]}" is {share:.0%} of the rows, so accuracy alone would flatter; judged by {judged}'.replace(
                "%", " %"
            ),
            "classes are learned as often as they come, so that probabilities stay true",
        ]

    def make_loss(self) -> Loss:
        classes = self.encodings.target.decode(torch.arange(self.ports.output.width))
        return made_loss(self.settings.loss, target="classes", classes=list(classes))

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        arguments, named = self.ports.given(batch)
        loss = of_each_member(self.loss, model(*arguments, **named), batch[self.ports.output.name])
        return self.weighted(loss, batch)

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        arguments, named = self.ports.given(batch)
        return {"probabilities": _shares(model(*arguments, **named).float())}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        probabilities = self.predict(model, batch, at, Request())["probabilities"]
        readings = {"probabilities": probabilities, "classes": probabilities.argmax(1)}
        return metric_rows(self.metrics, readings, batch[self.ports.output.name])

    def trivial(self, batches: Batches) -> Model:
        name, classes = self.ports.output.name, self.ports.output.width
        counts = torch.as_tensor(sum(torch.bincount(batch[name].cpu(), minlength=classes) for batch in batches))
        shares = counts / int(counts.sum())
        return lambda *given, **named: shares.log().expand(len([*given, *named.values()][0]), -1)

    def perfect(self, batch: Batch) -> Model:
        """Nearly all probability on the true class, or as the target has it where it is mixed."""
        target = batch[self.ports.output.name]
        shares = target if target.is_floating_point() else nn.functional.one_hot(target, self.ports.output.width)
        return lambda *given, **named: 50.0 * shares.float()

    def names_of_values(self) -> Mapping[str, list[str]]:
        classes = self.encodings.target.decode(torch.arange(self.ports.output.width))
        return {"probabilities": [f"probability_{one}" for one in classes]}

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        probabilities = predicted["probabilities"].detach().cpu()
        sure, code = probabilities.max(1)
        said = self.encodings.target.decode(code)
        return {self.ports.output.name: said, "probability": sure.numpy(), "probabilities": probabilities.contiguous().numpy()}


def _shares(logits: Tensor) -> Tensor:
    """Softmax of logits (B, C) over the classes; where they lie by classes, along the rows, which takes a third of the time."""
    return logits.t().softmax(0).t() if logits.stride(0) == 1 else logits.softmax(1)


def _flatters(counts: Sequence[int]) -> bool:
    """One class is so common that accuracy says little."""
    return len(counts) > 1 and max(counts) >= FLATTERING * max(sum(counts), 1)
