"""Conditional synthesis: new examples of what the data hold, given their class; pictures of a digit that is named.

Reference: Mirza and Osindero 2014, arXiv:1411.1784 (the condition); Gneiting and Raftery 2007,
doi:10.1198/016214506000001437, eq. 21 (the energy score).

Letters: B batch, D values of an example.
"""

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.encoding import Column, Encodings
from thalweg.fields.ports import Port, Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


class SynthesisSettings(Settings):
    """How much chance goes into an example."""

    noise: int = Field(32, ge=1, le=65536, description="normal numbers that an example is made of, beside its class")


class SynthesisRequest(Request):
    """What is to be made."""

    samples: int = Field(16, ge=1, le=1 << 20, description="how many")
    condition: Any = Field(None, description="the class, as it stands in the data; none: each in turn")


@task("conditional-synthesis", settings=SynthesisSettings, rule="adversarial", as_they_are=True)
class ConditionalSynthesis(Task):
    """Noise (B, settings.noise) and a class (B,) become an example (B, ...) of that class."""

    settings: SynthesisSettings
    asks = SynthesisRequest

    def make_ports(self, encodings: Encodings) -> Ports:
        noise = Port("noise", "noise", (self.settings.noise,), drawn=True)
        return Ports((noise, encodings.target.port), (encodings.input.port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {"energy-distance": made_metric("energy-distance")}

    def prepare(self, batch: Batch, at: Position) -> Batch:
        """Noise for an example, and for another of the same class that the energy score compares it with."""
        drawn = at.normal("noise", batch, 2, self.settings.noise).to(batch[self.ports.output.name].dtype)
        return batch.having({"noise": drawn[:, 0], "other_noise": drawn[:, 1]})

    def objective(self, model: Model, batch: Batch) -> Losses:
        """The energy score of examples: least, on average, where they have the distribution of the data."""
        real = batch[self.ports.output.name].flatten(1)  # (B, D)
        arguments, named = self.ports.given(batch)
        one = model(*arguments, **named).flatten(1)
        arguments, named = self.ports.given(batch.having({"noise": batch["other_noise"]}))
        other = model(*arguments, **named).flatten(1)
        far = 0.5 * (torch.linalg.vector_norm(one - real, dim=1) + torch.linalg.vector_norm(other - real, dim=1))
        return Losses.equal(far - 0.5 * torch.linalg.vector_norm(one - other, dim=1))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        condition = self.ports.inputs[1].name
        first = next(model.parameters(), None) if isinstance(model, nn.Module) else None
        noise = at.normal("noise", batch, self.settings.noise).to(first.dtype if first is not None else torch.float32)
        arguments, named = self.ports.given(batch.having({"noise": noise}))
        return {self.ports.output.name: model(*arguments, **named), condition: batch[condition]}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        """Made and real examples, each with its class beside it, so that the distance is one of both together."""
        name, (_, condition) = self.ports.output.name, self.ports.inputs
        made = self.predict(model, batch, at, Request())[name].flatten(1).float()
        real = batch[name].flatten(1).float()
        assert condition.size is not None, "a condition is one of several classes"
        classes = torch.nn.functional.one_hot(batch[condition.name], condition.size) * real.shape[1] ** 0.5  # (B, classes)
        return metric_rows(self.metrics, {"values": torch.cat([made, classes], 1)}, torch.cat([real, classes], 1))

    def trivial(self, batches: Batches) -> Model:
        """The mean example of each class, without chance."""
        name, (_, condition) = self.ports.output.name, self.ports.inputs
        total, count = torch.zeros(()), torch.zeros(condition.size or 1)
        for batch in batches:
            chosen = torch.nn.functional.one_hot(batch[condition.name].cpu(), len(count)).float()  # (B, classes)
            total = total + torch.einsum("bc,b...->c...", chosen, batch[name].float().cpu())
            count = count + chosen.sum(0)
        means = total / count.clamp(min=1).view(-1, *[1] * (total.dim() - 1))
        return lambda *given, **named: means[[*given, *named.values()][1]]

    def perfect(self, batch: Batch) -> Model:
        """The real examples of the batch, whatever the noise."""
        answer = batch[self.ports.output.name]
        return lambda *given, **named: answer

    def asked(self, request: Mapping[str, Any], at: Position) -> Batch | None:
        wanted = SynthesisRequest.model_validate(dict(request))
        condition = self.ports.inputs[1]
        code = 0 if wanted.condition is None else self._code(wanted.condition)
        turns = torch.arange(wanted.samples) % (condition.size or 1)
        return Batch.of({condition.name: turns if wanted.condition is None else torch.full_like(turns, code)})

    def _code(self, value: Any) -> int:  # noqa: ANN401 - a class as the user writes it
        known = [str(one) for one in self.encodings.target.decode(torch.arange(self.ports.inputs[1].size or 1))]
        if str(value) in known:
            return known.index(str(value))
        raise UsageRefusal(
            "REQUEST_UNKNOWN_CLASS",
            f'there is no class "{value}"',
            where="condition",
            why="only what was learned can be made",
            fix=f"one of {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}",
        )

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """Raw examples under their field's name (pictures as bytes), and the class each was made of."""
        return {name: self.encodings[name].decode(tensor) for name, tensor in predicted.items()}
