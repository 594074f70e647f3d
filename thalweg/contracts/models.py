"""The contracts of models, group by group."""

from collections.abc import Iterator

from thalweg.contracts import care, declaration, function, learning, portability, slopes
from thalweg.contracts.excuses import stale
from thalweg.contracts.finding import Contract, Finding, checked
from thalweg.contracts.subject import Subject

WHOLE: dict[str, Contract[Subject]] = {
    **declaration.CONTRACTS,
    **function.CONTRACTS,
    **learning.CONTRACTS,
    **slopes.CONTRACTS,
    **portability.CONTRACTS,
    **care.CONTRACTS,
}
"""What a declared model is held to."""

PLAIN: dict[str, Contract[Subject]] = {**function.CONTRACTS, **slopes.CONTRACTS, **portability.CONTRACTS}
"""What can be tried of any module."""

SLOW = portability.SLOW


def of_subject(subject: Subject, *, whole: bool) -> Iterator[Finding]:
    """What the contracts find of a model.

    Args:
        whole: it is declared, so that its declaration, learning and file are looked at too.
    """
    yield from checked(WHOLE if whole else PLAIN, subject, subject.excuses)
    yield from stale({**WHOLE, **SLOW}, subject.excuses)
