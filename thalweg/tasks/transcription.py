"""Transcription: reading symbols off a longer row of frames (writing, speech) without knowing where each one stands.

A model for it answers with the logits (B, T, V) of its frames and the mask (B, T) of those that are real; class 0, the padding
of token sequences, is the blank.

Letters: B batch, T frames, V classes.
"""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.tokens import FIRST
from thalweg.fields.ports import Ports
from thalweg.losses.ctc import CTC, CTCSettings
from thalweg.metrics._metric import Metric
from thalweg.tasks._alignments import BLANK, best_path, likeliest
from thalweg.tasks._task import Losses, Model, Request, Task, made_metric, metric_rows


class TranscriptionRequest(Request):
    """How symbols are read off the frames."""

    beams: int = Field(1, ge=1, le=1024, description="beginnings kept at each frame; one: the symbols of the best path")


@task("transcription")
class Transcription(Task):
    """Connectionist temporal classification. Examples with too few frames for their symbols have no weight."""

    asks = TranscriptionRequest

    def make_ports(self, encodings: Encodings) -> Ports:
        return Ports(tuple(one.port for one in encodings.inputs), (encodings.target.port,))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("exact-match", "token-error-rate")}

    def make_loss(self) -> CTC:
        return CTC(CTCSettings(blank=BLANK))

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        name = self.ports.output.name
        arguments, named = self.ports.given(batch)
        logits, frames = model(*arguments, **named)
        symbols, spoken = batch[name], batch[f"{name}_mask"]
        loss = self.loss(logits, symbols, frames, target_mask=spoken)
        impossible = CTC.impossible(logits, symbols, frames, target_mask=spoken)
        return Losses(loss, (~impossible).to(loss.dtype), {"impossible": impossible.double().mean()})

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """Symbols (B, T), -1 where there is none, and the log-probability (B,) of the path, or with beams of all its paths."""
        assert isinstance(request, TranscriptionRequest)
        arguments, named = self.ports.given(batch)
        logits, frames = model(*arguments, **named)
        codes = torch.arange(logits.shape[2], device=logits.device)
        silent = (codes > BLANK) & (codes < FIRST)  # begin, end, unknown
        log_p = logits.float().masked_fill(silent, -torch.inf).log_softmax(2)
        found = best_path(log_p, frames) if request.beams == 1 else likeliest(log_p, frames, beams=request.beams)
        return dict(zip(("tokens", "log_probability"), found, strict=True))

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        name = self.ports.output.name
        readings = self.predict(model, batch, at, TranscriptionRequest())
        return metric_rows(self.metrics, readings, batch[name], batch[f"{name}_mask"])

    def trivial(self, batches: Batches) -> Model:
        """Reads the one symbol that is the most frequent off everything."""
        name, size = self.ports.output.name, self.ports.output.width
        counts = sum(torch.bincount(batch[name][batch[f"{name}_mask"]].cpu(), minlength=size) for batch in batches)
        logits = torch.as_tensor(counts).double().log()

        def always(*given: Tensor, **named: Tensor) -> tuple[Tensor, Tensor]:
            rows = len(next(iter([*given, *named.values()])))
            return logits.expand(rows, 1, -1), torch.ones(rows, 1, dtype=torch.bool)

        return always

    def perfect(self, batch: Batch) -> Model:
        """A frame for each symbol of the target, and a blank frame after it."""
        name, size = self.ports.output.name, self.ports.output.width
        spoken = batch[f"{name}_mask"].repeat_interleave(2, 1)
        path = torch.stack([batch[name], torch.full_like(batch[name], BLANK)], 2).flatten(1)  # (B, 2 S)
        logits = 50.0 * torch.nn.functional.one_hot(path, size).float()
        return lambda *given, **named: (logits, spoken)

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        said = self.encodings.target.decode(predicted["tokens"])
        return {self.ports.output.name: said, "log_probability": predicted["log_probability"].detach().cpu().numpy()}
