"""Schedules: what the base rate is multiplied by at each step, as pure functions of the step and of the total.

Each is `multiplier(settings, step, total) -> float` for steps 0 to total - 1; from `total` on it keeps its last value. All
begin with a warm-up when one is asked for: step s of w has the multiplier (s + 1) / w.
"""

import math
from typing import Self

from pydantic import Field, model_validator

from thalweg.core.errors import UsageRefusal
from thalweg.core.registry import schedule
from thalweg.core.settings import Settings


class ScheduleSettings(Settings):
    """What all schedules share."""

    warmup: float = Field(
        0.0, ge=0.0, description="length of the linear warm-up: below 1 a share of the steps, else their number"
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.warmup >= 1 and self.warmup != int(self.warmup):
            raise ValueError(f"warmup must be a share below 1 or a whole number of steps, got {self.warmup}")
        return self


class FallingSettings(ScheduleSettings):
    """What all schedules share that end low."""

    floor: float = Field(0.0, ge=0.0, le=1.0, description="multiplier at the end")


@schedule("constant", settings=ScheduleSettings)
def constant(settings: ScheduleSettings, step: int, total: int) -> float:
    """1 throughout, after the warm-up."""
    rise, _ = warmed_up(settings, step, total)
    return rise


class LinearSettings(FallingSettings):
    """Settings of the linear schedule."""

    hold: float = Field(0.0, ge=0.0, lt=1.0, description="share of the steps after the warm-up that stay at 1")


@schedule("linear", settings=LinearSettings)
def linear(settings: LinearSettings, step: int, total: int) -> float:
    """1 for a while, then a straight line down to the floor."""
    rise, progress = warmed_up(settings, step, total)
    return rise * _lowered(1.0 - max(0.0, progress - settings.hold) / (1.0 - settings.hold), settings.floor)


@schedule("cosine", settings=FallingSettings, paper="Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5")
def cosine(settings: FallingSettings, step: int, total: int) -> float:
    """Half a cosine from 1 down to the floor."""
    rise, progress = warmed_up(settings, step, total)
    return rise * _lowered(0.5 * (1.0 + math.cos(math.pi * progress)), settings.floor)


class OneCycleSettings(FallingSettings):
    """Settings of the one-cycle schedule."""

    warmup: float = Field(0.2, ge=0.0, description="length of the rise: below 1 a share of the steps, else their number")


@schedule("one-cycle", settings=OneCycleSettings, paper="Smith & Topin 2018, arXiv:1708.07120")
def one_cycle(settings: OneCycleSettings, step: int, total: int) -> float:
    """A straight line up to 1, and a straight line down to the floor; momentum is left alone."""
    rise, progress = warmed_up(settings, step, total)
    return rise * _lowered(1.0 - progress, settings.floor)


class StepwiseSettings(ScheduleSettings):
    """Settings of the stepwise schedule."""

    drops: tuple[float, ...] = Field((0.5, 0.75), description="shares of the steps after the warm-up at which the rate drops")
    factor: float = Field(0.1, gt=0.0, lt=1.0, description="what it is multiplied by at each drop")

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if any(not 0.0 < drop < 1.0 for drop in self.drops):
            raise ValueError(f"drops must be shares between 0 and 1, got {self.drops}")
        return self


@schedule("step", settings=StepwiseSettings, paper="He et al. 2016, arXiv:1512.03385, section 3.4")
def stepwise(settings: StepwiseSettings, step: int, total: int) -> float:
    """Falls by the same factor at each drop and is constant in between."""
    rise, progress = warmed_up(settings, step, total)
    return float(rise * settings.factor ** sum(progress >= drop for drop in settings.drops))


def warmed_up(settings: ScheduleSettings, step: int, total: int) -> tuple[float, float]:
    """The multiplier of the warm-up, and the share of the steps after it that are over.

    Returns:
        ((s + 1) / w, 0.0) within a warm-up of w steps, and (1.0, progress in [0, 1]) after it.

    Raises:
        UsageRefusal: no steps at all, or a warm-up longer than the training.
    """
    if total < 1:
        raise UsageRefusal(
            "SCHEDULE_NO_STEPS",
            f"a schedule over {total} steps: at least 1 is needed",
            where="total number of steps",
            why="the rate is a function of how far training has come",
            fix="more epochs, or a smaller batch size",
        )
    warmup = round(settings.warmup * total) if settings.warmup < 1 else int(settings.warmup)
    if warmup > total:
        raise UsageRefusal(
            "SCHEDULE_WARMUP_TOO_LONG",
            f"a warm-up of {warmup} steps in a training of {total}",
            where="warmup",
            why="the full rate would never be reached",
            fix=f"warmup of {total} or fewer, a share such as 0.1, or a longer training",
        )
    assert step >= 0, f"step {step}"
    if step < warmup:
        return (step + 1) / warmup, 0.0
    return 1.0, min(1.0, (step - warmup) / (total - warmup)) if total > warmup else 1.0


def _lowered(multiplier: float, floor: float) -> float:
    """A multiplier in [0, 1] stretched to [floor, 1]."""
    return floor + (1.0 - floor) * multiplier
