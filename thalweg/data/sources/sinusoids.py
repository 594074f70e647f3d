"""Sinusoids: tasks to learn from few examples, each a wave of its own amplitude and phase.

Reference: Finn, Abbeel and Levine 2017, arXiv:1703.03400, section 5.1: amplitude in [0.1, 5], phase in [0, π], x in [-5, 5].

Letters: N tasks, K examples to learn from, Q examples to be judged by.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Domain
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.vector import Vector
from thalweg.fields.scale import Scale

AMPLITUDES = (0.1, 5.0)
PHASES = (0.0, math.pi)
REACH = 5.0  # x lies within this of 0


class SinusoidSettings(Settings):
    """How much of each wave is shown."""

    shots: int = Field(10, ge=1, le=10_000, description="examples of a task to learn from")
    queries: int = Field(20, ge=1, le=10_000, description="further examples, by which it is judged")


class Sinusoids(Domain):
    """Rows are tasks: `support_x`, `support_y` (K,) to learn from, `query_x`, `query_y` (Q,) to answer."""

    name = "sinusoids"

    def __init__(self, settings: SinusoidSettings) -> None:
        self.settings = settings
        shown, asked = (settings.shots,), (settings.queries,)
        support = [Vector(name, [name], "input") for name in ("support_x", "support_y")]
        query, answer = Vector("query_x", ["query_x"], "input"), Vector("query_y", ["query_y"], "target")
        for field, shape in zip((*support, query, answer), (shown, shown, asked, asked), strict=True):
            field.scale = Scale.none(shape)
        self.encodings = Encodings([*support, query, answer])
        self.notes = [f"waves of amplitude 0.1 to 5, {settings.shots} points of each to learn from"]

    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor]:
        width = self.settings.shots + self.settings.queries
        amplitude = _between(*AMPLITUDES, torch.rand(count, 1, generator=generator))
        phase = _between(*PHASES, torch.rand(count, 1, generator=generator))
        x = _between(-REACH, REACH, torch.rand(count, width, generator=generator))
        y = amplitude * torch.sin(x - phase)  # (N, K + Q)
        shots = self.settings.shots
        return {"support_x": x[:, :shots], "support_y": y[:, :shots], "query_x": x[:, shots:], "query_y": y[:, shots:]}

    def fingerprint(self) -> dict[str, Any]:
        return {**super().fingerprint(), "settings": self.settings.model_dump()}


def _between(low: float, high: float, share: Tensor) -> Tensor:
    return low + (high - low) * share


@source("sinusoids", catalogued=True, task="few-shot-regression", settings=SinusoidSettings)
def sinusoids(asked: Asked[SinusoidSettings]) -> Sinusoids:
    """Waves of amplitude 0.1 to 5 and phase 0 to π, a few points of each."""
    return Sinusoids(asked.settings)
