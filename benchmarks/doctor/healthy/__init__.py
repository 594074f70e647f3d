"""Trainings that are well and look odd: half of them seen in development, half only reported."""

from benchmarks.doctor.healthy import generating, hard, loops, sequences, tuning, unseen
from benchmarks.doctor.healthy.kind import Ended, Kind

KINDS: tuple[Kind, ...] = loops.KINDS + tuning.KINDS + sequences.KINDS + generating.KINDS + hard.KINDS + unseen.KINDS

__all__ = ["KINDS", "Ended", "Kind"]
