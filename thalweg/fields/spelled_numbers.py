"""Numbers as people write them: decimal marks, signs between thousands, currencies, per cent, brackets for what is negative."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

CURRENCIES = "$€£¥₹"
_DRESSED = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+−]?)\s*(?P<before>[{CURRENCIES}]?)\s*(?P<minus>[-−]?)"
    rf"(?P<core>[0-9.,](?:[0-9.,'’\u00a0\u202f ]*[0-9.])?(?:[eE][-+]?[0-9]+)?|inf|infinity)"
    rf"\s*(?P<after>[%{CURRENCIES}]?)\s*(?P<close>\))?",
    re.IGNORECASE,
)
_WHOLE = re.compile(r"[-+]?[0-9]{1,300}")
_PLAIN = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LONGEST = 60
_BLANKS = "'’\u00a0\u202f "
_POINT = re.compile(rf"(?:\d+|\d{{1,3}}(?:[,{_BLANKS}]\d{{3}})+)?(?:\.\d*)?(?:[eE][-+]?\d+)?")
_COMMA = re.compile(rf"(?:\d+|\d{{1,3}}(?:[.{_BLANKS}]\d{{3}})+)?(?:,\d*)?(?:[eE][-+]?\d+)?")
_THOUSAND = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")


@dataclass(frozen=True)
class Written:
    """A number as it was written.

    Attributes:
        as_point, as_comma: its value where the point, or the comma, is the decimal mark; None: it cannot be read so.
        marks: what stands in it beside digits and sign and may be no decimal mark: between thousands, a currency, per cent.
    """

    as_point: float | None
    as_comma: float | None
    marks: frozenset[str] = frozenset()

    @property
    def undecided(self) -> bool:
        """Both readings are possible and differ."""
        return self.as_point is not None and self.as_comma is not None and self.as_point != self.as_comma

    def beside(self, decimal: str) -> frozenset[str]:
        """What stands in it beside digits, sign and that decimal mark."""
        return self.marks - {decimal}

    def value(self, decimal: str) -> float | None:
        """Its value under one of the decimal marks."""
        return {".": self.as_point, ",": self.as_comma}[decimal]


NO_NUMBER = Written(None, None)


def written(text: str) -> Written:
    """What a text says as a number."""
    if _WHOLE.fullmatch(text):
        return Written(float(text), float(text))
    if _PLAIN.fullmatch(text) and not _THOUSAND.fullmatch(text.lstrip("+-")):
        return Written(float(text), None)
    if len(text) > _LONGEST:
        return Written(math.inf, math.inf) if text.lstrip("+-").isdigit() else NO_NUMBER
    found = _DRESSED.fullmatch(text)
    if found is None or (found["open"] is None) != (found["close"] is None):
        return NO_NUMBER
    core = found["core"].strip()
    negative = bool(found["open"]) != (found["sign"] in ("-", "−") or found["minus"] != "")
    factor = -1.0 if negative else 1.0
    if core.casefold().startswith("inf"):
        return Written(factor * math.inf, factor * math.inf)
    point, comma = _value(core, _POINT, ","), _value(core, _COMMA, ".")
    marks = {found["before"], found["after"], "()" if found["open"] else ""} - {""}
    if any(sign in core for sign in _BLANKS):
        marks.add("blank")
    if _THOUSAND.fullmatch(core) or ("." in core and "," in core):
        marks |= {sign for sign in ".," if sign in core}
    return Written(None if point is None else factor * point, None if comma is None else factor * comma, frozenset(marks))


def _value(core: str, form: re.Pattern[str], thousands: str) -> float | None:
    if not form.fullmatch(core):
        return None
    for sign in (thousands, *_BLANKS):
        core = core.replace(sign, "")
    try:
        return float(core.replace(",", "."))
    except ValueError:  # a mark alone
        return None


def has_leading_zero(text: str) -> bool:
    """Digits after a zero in front: a code (00123), not a quantity."""
    return _LEADING_ZERO.fullmatch(text) is not None


@dataclass(frozen=True)
class Decimals:
    """What the numbers of a column say of its decimal mark, in rows.

    Attributes:
        point, comma: rows that can be read with that mark.
        undecided: rows that can be read with both and mean something else.
    """

    point: int
    comma: int
    undecided: int

    @staticmethod
    def of(values: Mapping[str, int], readings: Mapping[str, Written]) -> "Decimals":
        """Counted over distinct texts and how many rows have each."""
        point = sum(count for text, count in values.items() if readings[text].as_point is not None)
        comma = sum(count for text, count in values.items() if readings[text].as_comma is not None)
        return Decimals(point, comma, sum(count for text, count in values.items() if readings[text].undecided))

    @property
    def mark(self) -> str | None:
        """The mark that reads more rows; None where both read as many."""
        if self.point == self.comma:
            return None
        return "." if self.point > self.comma else ","
