"""Findings: what a contract says of a part, in plain words; and excuses from a contract, which fail when no longer needed.

A contract is a function of a subject that returns when it holds and raises `Broken` when it does not, `Beside` when it has
nothing to say of this subject.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar

from thalweg.core.errors import Refusal

S = TypeVar("S", contravariant=True)
Contract = Callable[[S], None]


@dataclass(frozen=True)
class Finding:
    """What one contract found.

    Attributes:
        contract: what is promised, as a sentence.
        what: what was found instead, or why it was not looked at; empty where the promise simply holds.
        fix: what to change.
    """

    contract: str
    passed: bool
    what: str = ""
    fix: str = ""

    def __str__(self) -> str:
        said = f"{'ok  ' if self.passed else 'FAIL'} {self.contract}" + (f": {self.what}" if self.what else "")
        return said + (f"\n     {self.fix}" if self.fix and not self.passed else "")


class Broken(Exception):
    """A contract does not hold."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.fix = what, fix


class Beside(Exception):
    """A contract has nothing to say of this subject, for the reason given."""


def broken(what: str, fix: str) -> NoReturn:
    """Say that a contract does not hold.

    Raises:
        Broken: always.
    """
    raise Broken(what, fix)


def found(promise: str, contract: Contract[S], subject: S, excuses: Mapping[str, str]) -> Finding:
    """What a contract finds, an excuse weighed in.

    Args:
        excuses: contract to reason; an excuse from a contract that holds is itself at fault.
    """
    finding = _looked(promise, contract, subject)
    if promise not in excuses:
        return finding
    if finding.passed:
        return Finding(promise, False, "it is excused from this, and holds it", "take the excuse out of its declaration")
    return Finding(promise, True, f"excused: {excuses[promise]}")


def _looked(promise: str, contract: Contract[S], subject: S) -> Finding:
    try:
        contract(subject)
    except Broken as fault:
        return Finding(promise, False, fault.what, fault.fix)
    except Beside as reason:
        return Finding(promise, True, f"not looked at: {reason}")
    except Refusal as refusal:
        return Finding(promise, False, f"refused: {refusal.code} {refusal.what}", refusal.fix)
    except Exception as error:  # noqa: BLE001 - whatever a part raises is what was found
        first = (str(error) or "no message").splitlines()[0]
        return Finding(promise, False, f"raised {type(error).__name__}: {first}", _place(error))
    return Finding(promise, True)


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


def checked(contracts: Mapping[str, Contract[S]], subject: S, excuses: Mapping[str, str]) -> Iterator[Finding]:
    """What each of several contracts finds, in order; an excuse from no contract is at fault."""
    for promise, contract in contracts.items():
        yield found(promise, contract, subject, excuses)
