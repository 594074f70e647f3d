"""Encoder and decoder with attention: a sequence is read both ways, the answer written while looking back at it.

Gated recurrent units; the decoder looks by dot products with what was read (Luong, Pham and Manning 2015, arXiv:1508.04025,
"dot", without feeding its look back in, so that all symbols of training are computed at once), after Bahdanau, Cho and Bengio
2015, arXiv:1409.0473.

Letters: B batch, S symbols read, T symbols written, H units, V symbols.
"""

from typing import cast

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.build import build_dropout
from thalweg.layers.padded_recurrence import PaddedRecurrence

State = tuple[Tensor, Tensor, Tensor]
"""The decoder's memory (B, H), what was read (B, S, H) and where it is real (B, S)."""


class EncoderDecoderSettings(Settings):
    """Width and what is dropped."""

    units: int = Field(64, ge=2, le=8192, description="width of symbols and of the recurrent units")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of symbols' features dropped in training")


@model(
    "encoder-decoder",
    settings=EncoderDecoderSettings,
    tasks=("transduction",),
    inputs=("tokens",),
    recipe={"rate": 0.006, "batch_size": 64, "clip": 1.0},
    paper="Bahdanau et al. 2015, arXiv:1409.0473",
)
class EncoderDecoder(nn.Module):
    """Symbols in to symbols out; offers `encode` and `step` to write by itself."""

    def __init__(self, ports: Ports, settings: EncoderDecoderSettings) -> None:
        super().__init__()
        self.source, self.before = (port.name for port in sorted(ports.inputs, key=lambda port: port.training_only))
        sizes = {port.name: port.width for port in ports.inputs}
        units = settings.units
        self.read_symbols = nn.Embedding(sizes[self.source], units)
        self.written_symbols = nn.Embedding(sizes[self.before], units)
        self.dropout = build_dropout("plain", settings.dropout)
        self.reader = PaddedRecurrence(units, units, both=True)
        self.memory = nn.Linear(self.reader.width, units)
        self.keys = nn.Linear(self.reader.width, units)
        self.writer = nn.GRU(units, units, batch_first=True)
        self.joined = nn.Linear(2 * units, units)
        self.head = nn.Linear(units, ports.output.width)

    def encode(self, **inputs: Tensor) -> State:
        """What the first symbol depends on, of symbols (B, S) and their mask."""
        mask = inputs[f"{self.source}_mask"]
        read = self.reader(self.dropout(self.read_symbols(inputs[self.source])), mask)
        return torch.tanh(self.memory(self.reader.summary(read, mask))), self.keys(read), mask

    def step(self, state: State, symbols: Tensor) -> tuple[Tensor, State]:
        """Logits (B, V) of what follows the symbols (B,) written last, and the state after them."""
        logits, memory = self._write(state, symbols[:, None])
        return logits[:, 0], (memory, state[1], state[2])

    def forward(self, **inputs: Tensor) -> Tensor:
        """Logits (B, T, V) of what follows each of the symbols (B, T) written before it."""
        return self._write(self.encode(**inputs), inputs[self.before])[0]

    def _write(self, state: State, symbols: Tensor) -> tuple[Tensor, Tensor]:
        memory, keys, mask = state
        written, last = self.writer(self.dropout(self.written_symbols(symbols)), memory[None])  # (B, T, H), (1, B, H)
        match = written @ keys.mT  # (B, T, S)
        weight = match.masked_fill(~mask[:, None], torch.finfo(match.dtype).min).softmax(2)
        looked = torch.tanh(self.joined(torch.cat([weight @ keys, written], dim=2)))
        return cast(Tensor, self.head(looked)), last[0]

    @staticmethod
    def tiny() -> tuple[Ports, EncoderDecoderSettings]:
        """The smallest instance, for the contracts."""
        given = Port("text", "tokens", (None,), size=7, masked=True)
        before = Port("answer_before", "tokens", (None,), size=6, masked=True, training_only=True)
        return Ports((given, before), (Port("answer", "tokens", (None,), size=6, masked=True),)), EncoderDecoderSettings(
            units=16
        )

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight sequences of up to four symbols; the answer is the first of them."""
        symbols = torch.randint(4, 6, (8, 4), generator=generator)
        mask = torch.arange(4) < 1 + torch.arange(8)[:, None] % 4
        text = symbols.masked_fill(~mask, 0)
        answer = {"answer": text[:, :1], "answer_mask": mask[:, :1]}
        before = torch.cat([torch.ones(8, 1, dtype=torch.int64), text[:, :1]], 1)
        return {"text": text, "text_mask": mask, "answer_before": before, "answer_before_mask": before > 0, **answer}
