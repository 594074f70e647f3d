"""Transduction: one sequence of symbols into another (translation, reversal, spelling), written symbol by symbol.

In training the model is told what stands before each symbol (teacher forcing); what is measured is what it writes by itself.

Letters: B batch, T symbols of the target and its end, V symbols.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.tokens import BEGIN, END
from thalweg.fields.ports import Port, Ports
from thalweg.metrics._metric import Metric
from thalweg.tasks._generation import State, beam_search, without_ends
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric, metric_rows


class TransductionSettings(Settings):
    """Which loss symbols are learned by, and how much may be written."""

    loss: Choice = Choice(name="cross-entropy")
    longest: int = Field(128, ge=1, le=65536, description="symbols after which writing stops")


class TransductionRequest(Request):
    """How an answer is looked for."""

    beams: int = Field(1, ge=1, le=1024, description="beginnings kept at each symbol; one: the likeliest symbol each time")


@task("transduction", settings=TransductionSettings, target="tokens")
class Transduction(Task):
    """Logits (B, T, V) of each symbol given those before it, the end included. Each symbol of a batch counts the same."""

    settings: TransductionSettings
    asks = TransductionRequest

    def make_ports(self, encodings: Encodings) -> Ports:
        target = encodings.target.port
        before = Port(f"{target.name}_before", target.kind, (None,), size=target.size, masked=True, training_only=True)
        return Ports((*(one.port for one in encodings.inputs), before), (target,))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("exact-match", "token-error-rate")}

    def make_loss(self) -> Loss:
        return made_loss(self.settings.loss)

    def prepare(self, batch: Batch, at: Position) -> Batch:
        """The batch with what stands before each symbol (B, T), and what follows there."""
        name = self.ports.output.name
        symbols, mask = batch[name], batch[f"{name}_mask"]
        begin, end = (symbols.new_full((len(symbols), 1), code) for code in (BEGIN, END))
        following = torch.cat([symbols, end], 1).masked_fill(~torch.cat([mask, mask[:, :1] & False], 1), END)
        spoken = torch.cat([torch.ones_like(begin, dtype=torch.bool), mask], 1)
        return batch.having(
            {
                f"{name}_before": torch.cat([begin, symbols], 1),
                f"{name}_before_mask": spoken,
                f"{name}_following": following,
            }
        )

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        name = self.ports.output.name
        arguments, named = self.ports.given(batch)
        mask = batch[f"{name}_before_mask"]
        loss = self.loss(model(*arguments, **named), batch[f"{name}_following"], mask)
        return Losses(loss, mask.sum(1).to(loss.dtype))

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """Codes (B, L) with END from their end on, and their log-probability (B,)."""
        assert isinstance(request, TransductionRequest)
        arguments, named = self.ports.given(batch)
        state = model.encode(*arguments, **named)  # type: ignore[attr-defined]
        codes, sure = beam_search(model.step, state, beams=request.beams, longest=self.settings.longest)  # type: ignore[attr-defined]
        return {"tokens": codes, "log_probability": sure}

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.ports.output.name
        said = without_ends(self.predict(model, batch, at, TransductionRequest())["tokens"])
        return metric_rows(self.metrics, {"tokens": said}, batch[name], batch[f"{name}_mask"])

    def trivial(self, batches: Batches) -> Model:
        """Writes at each place what stands there most often."""
        name, size = self.ports.output.name, self.ports.output.width
        prepared = [self.prepare(batch, Position()) for batch in batches]
        longest = max(one[f"{name}_following"].shape[1] for one in prepared)
        counts = torch.zeros(longest, size)
        for one in prepared:
            codes, mask = one[f"{name}_following"].cpu(), one[f"{name}_before_mask"].cpu()
            counts[: codes.shape[1]] += (nn.functional.one_hot(codes, size) * mask[:, :, None]).sum(0)
        return Commonest(counts)

    def perfect(self, batch: Batch) -> Model:
        """Writes the symbols of the target, each row's own, and the end."""
        name = self.ports.output.name
        following = self.prepare(batch, Position())[f"{name}_following"]
        return Commonest(nn.functional.one_hot(following, self.ports.output.width))

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        said = self.encodings.target.decode(predicted["tokens"])
        return {self.ports.output.name: said, "log_probability": predicted["log_probability"].detach().cpu().numpy()}

    def exports(self, model: nn.Module) -> dict[str, Callable[..., Any]]:
        return {"forward": model, "encode": model.encode, "step": model.step}  # type: ignore[dict-item]


class Commonest(nn.Module):
    """Writes by the place alone, as often as symbols stand there: (T, V) counts for all rows, or (B, T, V) for each."""

    def __init__(self, counts: Tensor) -> None:
        super().__init__()
        self.register_buffer("counts", counts)  # (T, V)

    def encode(self, *given: Tensor, **named: Tensor) -> State:
        """The place, the first one (B,), and the row (B,)."""
        first = next(iter([*given, *named.values()]))
        rows = torch.arange(len(first), device=first.device)
        return torch.zeros_like(rows), rows

    def step(self, state: State, symbols: Tensor) -> tuple[Tensor, State]:
        """(B, V) of the place, and the next place."""
        place, row = state
        counts = self.get_buffer("counts").to(symbols.device)
        here = place.clamp(max=counts.shape[-2] - 1)
        said = counts[here] if counts.dim() == 2 else counts[row, here]
        return said.double().log(), (place + 1, row)
