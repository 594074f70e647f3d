"""Durations: read as people write them (90, 90s, 2m, 1h30m), told as people read them."""

import math
import re

UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([a-z]*)")
SHORTEST, LONGEST = 1.0, 30 * 86400.0


def seconds_of(given: object) -> float:
    """The seconds of a duration: a number of seconds, or a text such as 90s, 2m, 1h30m.

    Raises:
        ValueError: it is none, or it is shorter than a second or longer than thirty days.
    """
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError("a duration is wanted such as 90s, 2m or 1h30m")
    seconds = _read(given.strip().casefold()) if isinstance(given, str) else float(given)
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"a duration from {spoken(SHORTEST)} to {spoken(LONGEST)} is wanted")
    return seconds


def _read(text: str) -> float:
    found, place = 0.0, 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None or part[2] not in UNITS or (place and not part[2]):
            raise ValueError("a duration is wanted such as 90s, 2m or 1h30m")
        found, place = found + float(part[1]) * UNITS[part[2]], part.end()
    return found


def spoken(seconds: float) -> str:
    """0.4 s, 12 s, 2 min, 1 h 30 min."""
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    told = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{rest} s" if rest and not hours else ""]
    return " ".join(filter(None, told))


def rounded_up(seconds: float) -> str:
    """The next round duration above, as a flag takes it: 5s, 40s, 3m."""
    if seconds > 90:
        return f"{math.ceil(seconds / 60)}m"
    return f"{math.ceil(seconds / 5) * 5 if seconds > 5 else max(1, math.ceil(seconds))}s"
