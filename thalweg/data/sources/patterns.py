"""Random black and white patterns, for memories. They are judged by recalling what they stored, so all parts hold the same."""

import numpy as np
import torch
from pydantic import Field

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import PARTS, Examples


class PatternSettings(Settings):
    """How many, and how large."""

    count: int = Field(6, ge=1, le=65536, description="patterns")
    side: int = Field(10, ge=4, le=224, description="pixels of a pattern's side")
    seed: int = Field(0, ge=0, lt=2**63)


@source("patterns", catalogued=True, settings=PatternSettings, task="recall", licence="none needed: drawn")
def patterns(asked: Asked[PatternSettings]) -> Examples:
    """Pictures of independent black and white pixels; every part holds each of them once."""
    wanted = asked.settings
    chance = np.random.default_rng(wanted.seed)
    once = chance.integers(0, 2, (wanted.count, wanted.side, wanted.side), dtype=np.uint8) * 255
    rows = torch.arange(len(PARTS) * wanted.count).view(len(PARTS), -1)
    return Examples(
        "patterns",
        {"pattern": np.concatenate([once] * len(PARTS))},
        kinds={"pattern": "image"},
        roles={"pattern": "input"},
        given=dict(zip(PARTS, rows, strict=True)),
        notes=[
            f"{wanted.count} patterns of {wanted.side}×{wanted.side} pixels; every part holds the same ones, to be recalled"
        ],
        facts={"task": "recall"},
    )
