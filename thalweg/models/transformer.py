"""Transformers: symbols as vectors, mixed by attention and changed place by place, layer upon layer.

The decoder reads a window of symbols and tells at every place what follows, from what stands before it alone.

Reference: Vaswani et al. 2017, arXiv:1706.03762; Radford et al. 2019 (GPT-2) for the decoder alone. The defaults follow the
small nets that are trained for speed (Jordan et al. 2024, modded-nanogpt): rotary positions, queries and keys normalised, no
learned scales, squared ReLU, no biases.

Letters: B batch, T places, D width, V symbols.

In other hands it is a plain `torch.nn.Module`:
`Decoder(Decoder.ports_of(symbols=65, context=64), DecoderSettings(layers=4, width=128))`, called with int64 codes (B, T), gives
logits (B, T, V).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import model
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports
from thalweg.layers.attention import Attention, Manner, Past
from thalweg.layers.build import build_activation, build_dropout, build_normalisation
from thalweg.layers.continuing import Continuing
from thalweg.layers.rotary import Rotary

SMALL = 0.02
"""Deviation of the first weights (Radford et al. 2019)."""


class DecoderSettings(Settings):
    """Depth, width and what the layers are made of."""

    layers: int = Field(4, ge=1, le=256, description="blocks of attention and a perceptron")
    width: int = Field(128, ge=2, le=65536, description="features of each place")
    heads: int = Field(4, ge=1, le=1024, description="attentions side by side; they divide the width")
    hidden: float = Field(4.0, gt=0, le=64, description="width of the perceptrons, times that of a place")
    normalisation: str = Field("rms", description="before each part of a block: thalweg list normalisations")
    learned_scales: bool = Field(False, description="normalisations learn a scale for each feature")
    activation: str = Field("relu-squared", description="of the perceptrons: thalweg list activations")
    positions: Literal["rotary", "learned"] = Field("rotary", description="how places are told apart")
    rotary_base: float = Field(1000.0, ge=1, le=1e9, description="the slowest rotary pair turns once in 2 pi times this")
    match_normalised: bool = Field(True, description="queries and keys are normalised before they are matched")
    tied: bool = Field(False, description="symbols are told by the vectors that they are read by")
    biases: bool = Field(False, description="attention and perceptrons have biases")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of each part's answer that is dropped in training")


VARIANTS = {
    "gpt-char": DecoderSettings(
        normalisation="layer",
        learned_scales=True,
        activation="gelu",
        positions="learned",
        match_normalised=False,
        tied=True,
    ),
    "gpt2": DecoderSettings(
        layers=12,
        width=768,
        heads=12,
        normalisation="layer",
        learned_scales=True,
        activation="gelu",
        positions="learned",
        match_normalised=False,
        tied=True,
        biases=True,
        dropout=0.1,
    ),
}


class Block(nn.Module):
    """Attention, then a perceptron at each place, each added to what it read (B, T, D)."""

    def __init__(self, settings: DecoderSettings) -> None:
        super().__init__()
        width, inner = settings.width, round(settings.hidden * settings.width)
        scales = {"learned": settings.learned_scales}
        self.before_attention = build_normalisation(settings.normalisation, width, dims=0, given=scales)
        manner = Manner(True, settings.match_normalised, settings.biases, settings.dropout)
        self.attention = Attention(width, settings.heads, manner)
        self.before_perceptron = build_normalisation(settings.normalisation, width, dims=0, given=scales)
        self.perceptron = nn.Sequential(
            nn.Linear(width, inner, bias=settings.biases),
            build_activation(settings.activation),
            nn.Linear(inner, width, bias=settings.biases),
            build_dropout("plain", settings.dropout),
        )

    def forward(self, x: Tensor, past: Past | None, rotary: Rotary | None) -> tuple[Tensor, Past]:
        """Rows x (B, T, D) after the block, and the keys and values of all places so far."""
        taken, present = self.attention.continued(self.before_attention(x), past, rotary)
        x = x + taken
        return x + self.perceptron(self.before_perceptron(x)), present


@model(
    "transformer",
    settings=DecoderSettings,
    variants=VARIANTS,
    tasks=("language-modelling",),
    inputs=("symbols",),
    capturable=True,
    preference=10,
    causal=True,
    recipe={
        "optimizer": {"name": "muon", "rate": 0.02, "weight_decay": 0.1, "rest_rate": 0.003, "first": "adamw"},
        "schedule": {"name": "linear", "hold": 0.3},
        "batch_size": 32,
        "epochs": 9,
    },
    presets={
        "fast": {"recipe": {"epochs": 3}, "length": 0.33},
        "best": {"recipe": {"epochs": 25}, "settings": {"width": 256, "layers": 6}, "length": 2.5},
    },
    fewest_steps=400,
    paper="Vaswani et al. 2017, arXiv:1706.03762; Radford et al. 2019",
)
class Decoder(nn.Module, Continuing):
    """Symbols in, logits of what follows each of them out; no place looks ahead."""

    def __init__(self, ports: Ports, settings: DecoderSettings) -> None:
        super().__init__()
        port = ports.input("symbols")
        self.name, self.longest, width = port.name, int(port.shape[0] or 0), settings.width
        self.symbols = nn.Embedding(port.width, width)
        self.places = nn.Embedding(self.longest, width) if settings.positions == "learned" else None
        self.rotary = (
            Rotary(width // settings.heads, self.longest, base=settings.rotary_base) if settings.positions == "rotary" else None
        )
        self.drop = build_dropout("plain", settings.dropout)
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.layers))
        scales = {"learned": settings.learned_scales}
        self.last = build_normalisation(settings.normalisation, width, dims=0, given=scales)
        self.head = nn.Linear(width, ports.output.width, bias=False)
        self._begin(settings)
        if settings.tied:
            self.head.weight = self.symbols.weight

    def forward(self, **inputs: Tensor) -> Tensor:
        """Logits (B, T, V) of what follows each of the symbols (B, T)."""
        return self.continued(inputs[self.name], None)[0]

    def continued(self, symbols: Tensor, past: Sequence[Past] | None) -> tuple[Tensor, list[Past]]:
        first = 0 if past is None else past[0].keys.shape[2]
        _refuse_longer(first + symbols.shape[1], self.longest)
        x = self.symbols(symbols)
        if self.places is not None:
            x = x + self.places.weight[first : first + symbols.shape[1]]
        x, present = self.drop(x), []
        before: Sequence[Past | None] = past or [None] * len(self.blocks)
        for block, known in zip(self.blocks, before, strict=True):
            x, here = block(x, known, self.rotary)
            present.append(here)
        logits: Tensor = self.head(self.last(x))
        return logits, present

    def _begin(self, settings: DecoderSettings) -> None:
        """First weights: small, those that write into the sum of all blocks smaller the more of them there are."""
        for name, one in self.named_parameters():
            if one.dim() < 2:
                continue
            writes = name.endswith(("attention.write.weight", "perceptron.2.weight"))
            nn.init.normal_(one, std=SMALL / (2 * settings.layers) ** 0.5 if writes else SMALL)

    @staticmethod
    def ports_of(symbols: int, context: int) -> Ports:
        """Ports for a window of symbols and what follows each of them."""
        window, following = (Port(name, "symbols", (context,), size=symbols) for name in ("text", "next"))
        return Ports((window,), (following,))

    @staticmethod
    def tiny() -> tuple[Ports, DecoderSettings]:
        """The smallest instance, for the contracts."""
        return Decoder.ports_of(symbols=5, context=6), DecoderSettings(layers=1, width=16, heads=2)

    @staticmethod
    def example(ports: Ports, generator: torch.Generator) -> dict[str, Tensor]:
        """Eight windows that count, each from a symbol of its own: 1, 2, 3, 4, 1, ..."""
        counted = (torch.arange(7) + torch.arange(8)[:, None]) % 4 + 1
        return {"text": counted[:, :-1], "next": counted[:, 1:]}


def _refuse_longer(places: int, longest: int) -> None:
    """Raise where a window is longer than those that it learns from."""
    if places > longest:
        raise UsageRefusal(
            "MODEL_WINDOW_TOO_LONG",
            f"{places:,} symbols are given, this model looks at {longest:,}",
            where="model transformer",
            why="places beyond these were never learned",
            fix=f"the last {longest:,} symbols",
        )
