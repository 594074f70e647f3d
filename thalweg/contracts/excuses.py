"""Excuses: which parts are excused from which contracts, and why. At most a tenth of the parts of a sort, or one, from each."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from thalweg.contracts.finding import Finding
from thalweg.core import registry

SORTS = ("model", "task", "rule")
"""Sorts whose parts may be excused, by the fact `excused={"contract": "reason"}`."""


@dataclass(frozen=True)
class Excuse:
    """One part excused from one contract."""

    sort: str
    part: str
    contract: str
    reason: str

    def __str__(self) -> str:
        return f"{self.sort} {self.part}: {self.contract}: {self.reason}"


def excuses() -> list[Excuse]:
    """All excuses of the parts that ship, by sort and name."""
    return [
        Excuse(sort, name, contract, reason)
        for sort in SORTS
        for name, part in sorted(registry.parts(sort).items())
        if part.variant_of is None
        for contract, reason in part.facts.get("excused", {}).items()
    ]


def too_many(given: list[Excuse]) -> list[str]:
    """Sentences on contracts from which more than a tenth of the parts of a sort, and more than one, are excused."""
    parts = {sort: sum(part.variant_of is None for part in registry.parts(sort).values()) for sort in SORTS}
    counts = Counter((one.sort, one.contract) for one in given)
    return [
        f"{count} of {parts[sort]} {sort}s are excused from: {contract}"
        for (sort, contract), count in counts.items()
        if count > max(1, parts[sort] // 10)
    ]


def stale(contracts: Mapping[str, Any], excused: Mapping[str, str]) -> Iterator[Finding]:
    """Excuses from contracts that do not exist, or without a reason."""
    for contract, reason in excused.items():
        if contract not in contracts:
            yield Finding("its excuses are from contracts", False, f'there is no contract "{contract}"', "copy its sentence")
        elif len(reason) < 10:
            yield Finding("its excuses have reasons", False, f'excused from "{contract}" because "{reason}"', "say why")
