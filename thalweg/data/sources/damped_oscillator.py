"""A damped oscillator, u'' + 2 d u' + w² u = 0 with u(0) = 1 and u'(0) = 0: the smallest equation with a known solution.

Reference: Raissi, Perdikaris and Karniadakis 2019, doi:10.1016/j.jcp.2018.10.045, for learning equations from points.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import Tensor

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.equation import Equation, Function, derivatives
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.number import Number
from thalweg.fields.scale import Scale


class OscillatorSettings(Settings):
    """The oscillator and how long it is watched."""

    damping: float = Field(1.0, ge=0, le=100, description="d, per unit of time; smaller than the frequency")
    frequency: float = Field(6.0, gt=0, le=100, description="w, radians per unit of time")
    duration: float = Field(1.0, gt=0, le=1000, description="points are drawn from [0, duration]")

    @model_validator(mode="after")
    def _oscillates(self) -> "OscillatorSettings":
        if self.damping >= self.frequency:
            raise ValueError(f"damping must be smaller than frequency {self.frequency:g} for an oscillation")
        return self


class DampedOscillator(Equation):
    """Times t (B, 1), drawn one from each of as many equal spans, so that none stays unwatched."""

    name = "damped-oscillator"

    def __init__(self, settings: OscillatorSettings) -> None:
        self.settings = settings
        time, position = Number("t", ["t"], "input"), Number("u", ["u"], "target")
        time.scale = position.scale = Scale.none((1,))
        self.encodings = Encodings([time, position])
        self.notes = [f"u'' + {2 * settings.damping:g} u' + {settings.frequency**2:g} u = 0, u(0) = 1, u'(0) = 0"]

    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor]:
        inside = torch.rand(count, 1, generator=generator, dtype=torch.float64)
        points = (torch.arange(count)[:, None] + inside) * (self.settings.duration / count)
        return {"t": points, "u": self.exact(points)}

    def failures(self, unknown: Function, points: Tensor) -> tuple[Tensor, Tensor]:
        damping, frequency = self.settings.damping, self.settings.frequency
        u, velocity, acceleration = derivatives(unknown, torch.cat([points, points.new_zeros(1, 1)]))
        residual = (acceleration + 2 * damping * velocity) / frequency**2 + u
        return residual[:-1], torch.cat([u[-1] - 1, velocity[-1] / frequency])

    def exact(self, points: Tensor) -> Tensor:
        """e^(-d t) (cos(v t) + d / v sin(v t)), where v² = w² - d²."""
        d = self.settings.damping
        v = math.sqrt(self.settings.frequency**2 - d**2)
        return torch.exp(-d * points) * (torch.cos(v * points) + d / v * torch.sin(v * points))

    def fingerprint(self) -> dict[str, Any]:
        return {**super().fingerprint(), "settings": self.settings.model_dump()}


@source("damped-oscillator", catalogued=True, task="differential-equation", settings=OscillatorSettings)
def damped_oscillator(asked: Asked[OscillatorSettings]) -> DampedOscillator:
    """The damped oscillator u'' + 2 d u' + w² u = 0, released from 1."""
    return DampedOscillator(asked.settings)
