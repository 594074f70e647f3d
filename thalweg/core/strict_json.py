"""JSON without its traps: one value per key, finite numbers, bounded depth; written so that it reads back the same.

Python's parser keeps the last of two equal keys, takes `NaN`, and recurses as deep as a file tells it to.
"""

import json
import math
import re
from itertools import accumulate
from typing import Any

from thalweg.core.errors import PackageRefusal, Refusal

LIMIT_DEPTH = 64

_NOT_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^"\[\]{}]++', re.DOTALL)
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}


def render_json(value: Any, *, indent: int | None = None, sort_keys: bool = False) -> bytes:
    """UTF-8 text of a value, readable; only lone surrogates, which UTF-8 cannot hold, are escaped.

    Raises:
        ValueError: a NaN or infinite number; JSON has no word for them.
    """
    text = json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def parse_json(data: bytes, *, where: str, refusal: type[Refusal] = PackageRefusal) -> Any:
    """The value that strict JSON text stands for.

    Args:
        where: what is read, as the user would name it; it opens every refusal's `where`.
        refusal: the class that is raised, so that the exit code is the caller's.

    Raises:
        Refusal: not UTF-8, not JSON, a key twice in one object, a number that is not finite, deeper than 64 levels.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(refusal, f"byte {error.start} is not UTF-8", where) from None
    depth = _depth(text)
    if depth > LIMIT_DEPTH:
        raise _refused(refusal, f"it nests {depth} levels deep; the limit is {LIMIT_DEPTH}", where)
    marks: list[_NotFinite] = []
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=lambda word: _marked(marks, f"{word} is not a JSON number"),
            parse_float=lambda digits: _finite(marks, digits),
        )
    except json.JSONDecodeError as error:
        raise _refused(refusal, error.msg.lower(), f"{where}:{error.lineno}:{error.colno}") from None
    except ValueError as error:
        raise _refused(refusal, str(error), where) from None
    if marks:
        raise _refused(refusal, marks[0].why, f"{where}#{_pointer(value, marks[0])}")
    return value


def _depth(text: str) -> int:
    if text.count("[") + text.count("{") <= LIMIT_DEPTH:
        return 0
    brackets = _NOT_BRACKETS.sub("", text)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:60]!a} stands twice in one object")
    return found


class _NotFinite:
    """What stands where a number is not finite, until its place is known."""

    def __init__(self, why: str) -> None:
        self.why = why


def _marked(marks: list[_NotFinite], why: str) -> _NotFinite:
    marks.append(_NotFinite(why))
    return marks[-1]


def _finite(marks: list[_NotFinite], digits: str) -> float | _NotFinite:
    number = float(digits)
    return number if math.isfinite(number) else _marked(marks, f"the number {digits[:40]} is too large")


def _pointer(value: Any, wanted: object) -> str | None:
    """The JSON pointer of something within a value, None where it is not there.

    Reference: Bryan et al. 2013, RFC 6901.
    """
    if value is wanted:
        return ""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        below = _pointer(one, wanted)
        if below is not None:
            return f"/{str(key).replace('~', '~0').replace('/', '~1')}{below}"
    return None


def _refused(refusal: type[Refusal], what: str, where: str) -> Refusal:
    return refusal(
        "JSON_INVALID",
        f"not valid JSON: {what}",
        where=where,
        why="a file that is understood in two ways cannot be trusted",
        fix="restore the file from a good copy",
    )
