"""Strings and the same strings reversed, drawn without end: the smallest problem of sequence to sequence."""

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Domain
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.tokens import FIRST, Tokens
from thalweg.fields.ragged import Ragged


class ReversedStringsSettings(Settings):
    """Which strings are drawn."""

    alphabet: str = Field("abcdefgh", min_length=1, description="letters that strings are made of, all equally likely")
    longest: int = Field(10, ge=1, le=1000, description="lengths from 1 to this are equally likely")


class ReversedStrings(Domain):
    """Random strings of different lengths."""

    def __init__(self, settings: ReversedStringsSettings) -> None:
        self.name, self.settings = "reversed-strings", settings
        state = {"symbols": sorted(set(settings.alphabet)), "texts": True}
        self.encodings = Encodings(
            [Tokens("text", ["text"]).restore(state), Tokens("reversed", ["reversed"], "target").restore(state)]
        )
        self.notes = [f"strings of 1 to {settings.longest} letters of {settings.alphabet}, and the same reversed"]
        self.facts = {"task": "transduction", **settings.model_dump()}

    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor | Ragged]:
        lengths = torch.randint(1, self.settings.longest + 1, (count,), generator=generator)
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
        letters = len(set(self.settings.alphabet))
        codes = FIRST + torch.randint(letters, (int(offsets[-1]),), generator=generator)
        turned = (offsets[:-1] + offsets[1:] - 1).repeat_interleave(lengths) - torch.arange(len(codes))
        return {"text": Ragged(codes, offsets), "reversed": Ragged(codes[turned], offsets)}


@source("reversed-strings", catalogued=True, task="transduction", settings=ReversedStringsSettings)
def reversed_strings(asked: Asked[ReversedStringsSettings]) -> ReversedStrings:
    """Random strings over a small alphabet, to be written backwards."""
    return ReversedStrings(asked.settings)
