"""Contracts: what every part must pass, and the same list for anybody's module: `thalweg check-part my_model.py`."""

from thalweg.contracts.finding import Finding
from thalweg.contracts.part_file import check_part

__all__ = ["Finding", "check_part"]
