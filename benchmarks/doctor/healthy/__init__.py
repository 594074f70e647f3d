"""Trainings that are well and look odd: those by which rules may be corrected, and those that are only reported."""

from benchmarks.doctor.healthy import generating, hard, loops, sequences, tuning, uneven, unseen, unseen_nets
from benchmarks.doctor.healthy.kind import Ended, Kind

KINDS: tuple[Kind, ...] = loops.KINDS + tuning.KINDS + sequences.KINDS + generating.KINDS + hard.KINDS + uneven.KINDS
UNSEEN: tuple[Kind, ...] = unseen.KINDS + unseen_nets.KINDS

__all__ = ["KINDS", "UNSEEN", "Ended", "Kind"]
