"""Dates as learned vectors: the numbers that stand for them (how far along, where in year, month, week and day), in pieces."""

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import encoder
from thalweg.fields.ports import Port
from thalweg.layers.encoders.numbers import NumbersEncoder, NumbersSettings


class DatesSettings(NumbersSettings):
    """How finely the numbers of dates are cut; fewer pieces than plain numbers, as several stand for one date."""

    bins: int = Field(16, ge=1, le=4096, description="pieces of each number, at most; few rows get fewer")
    width: int = Field(8, ge=1, le=4096, description="numbers that stand for a number")
    values: int = Field(32, ge=1, le=65536, description="values of each number that have a vector of their own, at most")


@encoder("dates", settings=DatesSettings, members=True, paper="Gorishniy et al. 2022, arXiv:2203.05556")
class DatesEncoder(NumbersEncoder):
    """The standardised numbers of dates (B, k) to their vectors side by side."""

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Days along a year, and the sine and cosine of the day of the week."""
        week = 2 * torch.pi * (torch.arange(8) % 7) / 7
        return Port("dates", "dates", (3,)), {"dates": torch.stack([torch.linspace(-2, 2, 8), week.sin(), week.cos()], 1)}
