"""Dates as people write them: year first, day or month first, months by name, with or without a time of day and a zone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = (
    r"(?:[T ,]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[-+]\d{2}(?::?\d{2})?)?)?"
)
_FORMS = tuple(
    re.compile(form + _TIME)
    for form in (
        r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})",
        r"(?P<one>\d{1,2})(?P<sign>[-/.])(?P<other>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})",
        r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?[- ]?(?P<name>[A-Za-z]{3,9})\.?[-, ]*(?P<year>\d{4}|\d{2})",
        r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})",
        r"(?P<year>\d{4})-(?P<month>\d{2})",
        r"(?P<name>[A-Za-z]{3,9})\.? (?P<year>\d{4})",
    )
)
_COMPACT = re.compile(r"(?P<year>(?:19|20)\d{2})(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True)
class Moment:
    """A date as it was written, its day and month perhaps not told apart.

    Attributes:
        one, other: the two numbers before the year where either may be the day; 0 where the form tells.
        zoned: an offset from UTC was written.
        dotted: points stand between the numbers, which only those write who put the day first.
    """

    year: int
    month: int = 0
    day: int = 0
    one: int = 0
    other: int = 0
    seconds: float = 0.0
    zoned: bool = False
    offset: int = 0
    dotted: bool = False

    def at(self, order: str) -> datetime | None:
        """The moment, in UTC where a zone was written; None where there is no such day.

        Args:
            order: "day" or "month", which of the two comes first.
        """
        day, month = (
            (self.day, self.month) if not self.one else (self.one, self.other) if order == "day" else (self.other, self.one)
        )
        try:
            start = datetime(self.year, month, day, tzinfo=timezone(timedelta(minutes=self.offset)))
            return (start + timedelta(seconds=self.seconds)).astimezone(UTC)
        except (ValueError, OverflowError):
            return None


def moment(text: str, *, compact: bool = False) -> Moment | None:
    """The date that a text looks like, be it in the calendar or not; None where it looks like none.

    Args:
        compact: eight digits are year, month and day.
    """
    found = _COMPACT.fullmatch(text) if compact else next((hit for form in _FORMS if (hit := form.fullmatch(text))), None)
    if found is None:
        return None
    parts = found.groupdict()
    month = _MONTHS.index(parts["name"][:3].casefold()) + 1 if (parts.get("name") or "")[:3].casefold() in _MONTHS else 0
    if parts.get("name") and not month:
        return None
    zone = _offset(parts.get("zone"))
    return Moment(
        year=_whole_year(parts["year"]),
        month=month or int(parts.get("month") or 0),
        day=int(parts.get("day") or (0 if parts.get("one") else 1)),
        one=int(parts.get("one") or 0),
        other=int(parts.get("other") or 0),
        seconds=_seconds(parts),
        zoned=bool(parts.get("zone")),
        offset=zone,
        dotted=parts.get("sign") == "." and bool(parts.get("one")),
    )


def _whole_year(digits: str) -> int:
    """Two digits mean the years 1969 to 2068, as the POSIX standard has it."""
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year < 69 else 1900)


def _seconds(parts: dict[str, str | None]) -> float:
    """Seconds since midnight."""
    if not parts.get("hour"):
        return 0.0
    hour = int(parts["hour"] or 0)
    half = (parts.get("half") or "").casefold()
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    fraction = float(f"0.{parts['part']}") if parts.get("part") else 0.0
    return hour * 3600 + int(parts["minute"] or 0) * 60 + int(parts.get("second") or 0) + fraction


def _offset(zone: str | None) -> int:
    """Minutes ahead of UTC."""
    if not zone or zone[0] not in "+-":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if zone[0] == "-" else minutes


def orders(moments: Iterable[Moment]) -> list[str]:
    """Which of "day" and "month" may come first, so that all months are months; points between numbers put the day first."""
    pairs = [one for one in moments if one.one]
    if any(one.dotted for one in pairs):
        return ["day"]
    firsts, seconds = max((one.one for one in pairs), default=0), max((one.other for one in pairs), default=0)
    possible = [order for order, month in (("day", seconds), ("month", firsts)) if month <= 12]
    return possible or ["day", "month"]
