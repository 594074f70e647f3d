"""Refusals: what is wrong, where, why it matters and how to mend it, with a stable code and an exit code.

Everything that thalweg says no to is a `Refusal`, so that the command line, Python and JSON show the same facts.
"""

from collections.abc import Iterable, Sequence
from typing import Any


class Refusal(ValueError):
    """A clear no: raised for what the user can mend; programming errors of ours stay assertions.

    Args:
        code: stable name in capitals, such as `DATA_EMPTY_FILE`.
        what: the fact that is wrong, with the value that was given.
        where: file:line, row, flag, settings key, tensor or step.
        why: one clause on why it matters.
        fix: the exact command, value or edit that mends it.
        details: further facts for JSON (the full list of offenders, counts).
    """

    exit_code = 2

    def __init__(self, code: str, what: str, *, where: str, why: str, fix: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(what)
        self.code, self.what, self.where, self.why, self.fix = code, what, where, why, fix
        self.details = details or {}

    def __str__(self) -> str:
        lines = [f"{self.code}  {self.what}"]
        lines += [
            f"  {label:<6} {text}" for label, text in (("where", self.where), ("why", self.why), ("fix", self.fix)) if text
        ]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The refusal as the JSON object that `--json` prints under `error`."""
        facts = {"code": self.code, "what": self.what, "where": self.where, "why": self.why, "fix": self.fix}
        return facts | ({"details": self.details} if self.details else {})


class UsageRefusal(Refusal):
    """A flag, a setting or a settings file is wrong (exit code 2)."""

    exit_code = 2


class DataRefusal(Refusal):
    """The data cannot be used as it is (exit code 3)."""

    exit_code = 3


class PackageRefusal(Refusal):
    """A model package or checkpoint is damaged, foreign or too new (exit code 4)."""

    exit_code = 4


class TrainingRefusal(Refusal):
    """Training failed: it diverged, or a part raised (exit code 5)."""

    exit_code = 5


class ResourceRefusal(Refusal):
    """Memory, disk or time does not suffice (exit code 6)."""

    exit_code = 6


class Stopped(KeyboardInterrupt):
    """A signal asked the program to end; as an interrupt it passes every handler of errors.

    Attributes:
        number: the signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def some_of(names: Sequence[object], most: int = 5) -> str:
    """The first of many, and how many more there are: `a, b and 1,203 more`. Whole numbers are grouped by thousands."""
    shown = ", ".join(f"{one:,}" if isinstance(one, int) else str(one) for one in names[:most])
    return shown + (f" and {len(names) - most:,} more" if len(names) > most else "")


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """The known names that `name` may be a slip of, best first: one mistake in three signs, or a whole word of the name.

    Case does not count, nor do leading dashes, nor which sign joins words.
    """
    wanted = _plain(name)
    found = []
    for candidate in known:
        plain = _plain(candidate)
        most = max(1, min(len(wanted), len(plain)) // 3)
        slips = edits(wanted, plain) if abs(len(plain) - len(wanted)) <= most else most + 1
        if slips <= most or edits(_ordered(wanted), _ordered(plain)) <= most:
            found.append((slips, candidate))
        elif len(wanted) > 2 and wanted in plain.split("-"):
            found.append((len(plain), candidate))
    return [candidate for _, candidate in sorted(found)[:count]]


def _plain(name: str) -> str:
    return name.casefold().strip("- ").replace("_", "-").replace(" ", "-")[:80]


def _ordered(plain: str) -> str:
    return "-".join(sorted(plain.split("-")))


def edits(one: str, other: str) -> int:
    """Signs to insert, leave out, exchange, or swap with their neighbour, to make one text of the other.

    Reference: optimal string alignment; Damerau 1964, doi:10.1145/363958.363994.
    """
    before, last = list[int](), list(range(len(other) + 1))
    for i, sign in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (sign != wanted))
            if i > 1 and j > 1 and (sign, one[i - 2]) == (other[j - 2], wanted):
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the closest known name, or the first few known names."""
    known = sorted(known)
    close = nearest(name, known, count=1)
    if close:
        return f'did you mean "{close[0]}"?'
    shown = ", ".join(known[:12]) + (" ..." if len(known) > 12 else "")
    return f"known: {shown}" if known else "there is none"
