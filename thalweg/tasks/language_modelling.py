"""Language modelling: what follows each symbol of a text, from what stands before it; and how a text goes on.

Reference: Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x, section 3; Bengio et al. 2003, JMLR 3, eq. 1.

Letters: B batch, T symbols of a window, V symbols.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.device import one_thread
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import task
from thalweg.core.settings import Choice, Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.symbols import UNKNOWN, Symbols
from thalweg.fields.ports import Port, Ports
from thalweg.layers.continuing import Continuing
from thalweg.metrics._metric import Metric
from thalweg.tasks._task import Loss, Losses, Model, Request, Task, made_loss, made_metric, metric_rows

NEXT = "next"
"""What follows each symbol of a window; it stands in every batch beside the window."""
SHARED = 100_000_000
"""Rows times weights from which symbols are written by more than one thread.

Below, two took .8 to 1.05 times the time of one where they spin for each other, and 1.2 to 2.8 times where they sleep; above,
.66 to .96 and .96 to 2.5 (decoders of .8 to 85 million weights, 1 to 64 rows, medians of 5 in turn).
"""


class LanguageModellingSettings(Settings):
    """Which loss symbols are learned by."""

    loss: Choice = Choice(name="cross-entropy")


class Continuation(Request):
    """What is to be written."""

    samples: int = Field(1, ge=1, le=1 << 16, description="how many texts, each drawn anew")
    prompt: str = Field("", max_length=1 << 20, description="what the text begins with")
    length: int = Field(256, ge=1, le=1 << 20, description="symbols that are written")
    temperature: float = Field(
        1.0, ge=0, le=100, description="what log-probabilities are divided by; 0: always the likeliest symbol"
    )


@task(
    "language-modelling",
    settings=LanguageModellingSettings,
    as_they_are=True,
    paper="Shannon 1948; Bengio et al. 2003",
    capturable=True,
)
class LanguageModelling(Task):
    """Logits (B, T, V) of what follows each symbol. What is asked for is a text that goes on from a prompt."""

    settings: LanguageModellingSettings
    asks = Continuation
    counted = "windows"

    def make_ports(self, encodings: Encodings) -> Ports:
        window = encodings.input.port
        return Ports((window,), (Port(NEXT, window.kind, window.shape, size=window.size),))

    def make_metrics(self) -> dict[str, Metric]:
        return {name: made_metric(name) for name in ("log-loss", "bits-per-symbol", "perplexity", "accuracy")}

    def make_loss(self) -> Loss:
        return made_loss(self.settings.loss, target="classes")

    @property
    def reads(self) -> frozenset[str]:
        """Nothing but the prompt in a request."""
        return frozenset()

    def objective(self, model: Model, batch: Batch) -> Losses:
        assert self.loss is not None
        arguments, named = self.ports.given(batch)
        return Losses.equal(self.loss(model(*arguments, **named), batch[NEXT]))

    def measure(self, model: Model, batch: Batch, at: Position) -> dict[str, Tensor]:
        arguments, named = self.ports.given(batch)
        probabilities = model(*arguments, **named).float().softmax(-1)
        readings = {"probabilities": probabilities, "classes": probabilities.argmax(-1)}
        return metric_rows(self.metrics, readings, batch[NEXT])

    def trivial(self, batches: Batches) -> Model:
        """Each symbol as often as it stands in the training text, whatever stands before it."""
        size = self.ports.output.width
        counts = sum(torch.bincount(batch[NEXT].flatten().cpu(), minlength=size) for batch in batches)
        shares = (torch.as_tensor(counts) + 1.0) / (torch.as_tensor(counts).sum() + size)
        return lambda *given, **named: shares.log().expand(*[*given, *named.values()][0].shape, -1)

    def perfect(self, batch: Batch) -> Model:
        """Nearly all probability on what follows."""
        told = 50.0 * nn.functional.one_hot(batch[NEXT], self.ports.output.width).float()
        return lambda *given, **named: told[:, : [*given, *named.values()][0].shape[1]]

    def asked(self, request: Mapping[str, Any], at: Position) -> Batch | None:
        """A row for each text that is to be written, all of them beginning with the prompt.

        Raises:
            UsageRefusal: the prompt holds characters that training never saw.
        """
        wanted, symbols = Continuation.model_validate(dict(request)), self._symbols
        prompt = symbols.codes(wanted.prompt or _first(symbols)).long()
        strange = sorted({sign for sign, code in zip(wanted.prompt, prompt.tolist(), strict=False) if code == UNKNOWN})
        if strange:
            raise UsageRefusal(
                "PROMPT_UNKNOWN",
                f"the prompt holds characters that training never saw: {', '.join(map(repr, strange[:8]))}",
                where="--prompt",
                why="what follows them was never learned",
                fix="leave them out",
            )
        return Batch.of({symbols.name: prompt.expand(wanted.samples, -1)})

    def predict(self, model: Model, batch: Batch, at: Position, request: Request) -> dict[str, Tensor]:
        """Codes (B, length) of what follows the windows of the batch, or the prompt that they were made of."""
        assert isinstance(request, Continuation)
        from thalweg.tasks._writing import written

        name, generator = self._symbols.name, at.generator("writing", device=batch.device)
        given = batch[name]

        def logits(symbols: Tensor) -> Tensor:
            arguments, named = self.ports.given({name: symbols})
            told: Tensor = model(*arguments, **named)
            return told

        read: Any = model
        continuing = read if isinstance(read, Continuing) else None
        most = int(self.ports.inputs[0].shape[0] or 1)
        drawn = torch.rand(len(given), request.length, generator=generator, device=given.device, dtype=torch.float64)
        with one_thread() if len(given) * _weights(model) < SHARED else nullcontext():
            codes = written(continuing, logits, given, drawn, longest=most, temperature=request.temperature)
        begun = given if request.prompt else given[:, :0]
        return {name: torch.cat([begun, codes], 1)}

    def decode(self, predicted: Mapping[str, Tensor]) -> dict[str, Column]:
        """Texts, under their field's name."""
        return {name: self.encodings[name].decode(tensor) for name, tensor in predicted.items()}

    @property
    def _symbols(self) -> Symbols:
        found = self.encodings.input
        assert isinstance(found, Symbols), "a running text"
        return found


def _first(symbols: Symbols) -> str:
    """What an empty prompt stands for: the end of a line, where texts have lines."""
    return "\n" if "\n" in symbols.symbols else symbols.symbols[:1]


def _weights(model: Model) -> int:
    return sum(one.numel() for one in model.parameters()) if isinstance(model, nn.Module) else 0
