"""YAML without its traps: one value per key, no tags, no aliases, bounded size and depth, and words that stay words.

Plain values are read by the core schema of YAML 1.2: `1e-3` is a number, `no` and `10:30` are text. The value is built from the
parser's events, so nothing in a file can name a Python object, and depth is counted before anything recurses.

Reference: YAML 1.2.2, https://yaml.org/spec/1.2.2, chapter 10.3.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from thalweg.core.disk import read_limited
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.strict_json import parse_json

LIMIT_BYTES = 128 << 10
LIMIT_DEPTH = 32

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(nan|inf)", re.IGNORECASE)
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
LIMIT_DIGITS = 400


def read_yaml(path: Path, *, limit: int = LIMIT_BYTES) -> tuple[Any, list[str]]:
    """The value in a YAML file, or in a JSON file (by its suffix), and notes on what was read in a way that may surprise.

    Raises:
        UsageRefusal: it cannot be read, is no text, or is not understood in one way only; line and column are given.
    """
    data = read_limited(path, limit=limit, refusal=UsageRefusal)
    if path.suffix.casefold() == ".json":
        return parse_json(data, where=str(path), refusal=UsageRefusal), []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"byte {error.start} is not UTF-8 text", str(path), code="YAML_NOT_TEXT") from None
    return parse_yaml(text, where=str(path))


def parse_yaml(text: str, *, where: str) -> tuple[Any, list[str]]:
    """The value that YAML text stands for, None for empty text; and notes, see `read_yaml`.

    Args:
        where: what is read, as the user would name it; it opens every refusal's `where`.

    Raises:
        UsageRefusal: the text is not understood in one way only.
    """
    reading = _Reading(text, where)
    try:
        value = reading.document()
    except yaml.MarkedYAMLError as error:
        raise reading.refused(_problem(error), error.problem_mark or error.context_mark) from None
    except yaml.YAMLError as error:
        raise _refused(str(error).split("\n")[0][:200], where, code="YAML_NOT_TEXT") from None
    return value, reading.notes


def plain_value(text: str, *, where: str) -> Any:
    """The value of a plain word as the core schema of YAML 1.2 reads it.

    Raises:
        UsageRefusal: a number that is not finite.
    """
    word = text.casefold() if text.casefold() in _WORDS and text in (text.lower(), text.upper(), text.title()) else None
    if word is not None:
        return _WORDS[word]
    if len(text) > LIMIT_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    number = float(text) if _DECIMAL.fullmatch(text) else None
    if _NOT_FINITE.fullmatch(text) or (number is not None and math.isinf(number)):
        raise _refused(f"{text[:40]} is no finite number", where, why="nothing can be learned with it", fix="give a finite one")
    return text if number is None else number


@dataclass
class _Reading:
    """One pass over the events of a text."""

    text: str
    where: str
    notes: list[str] = field(default_factory=list)

    def document(self) -> Any:
        events = self._checked(yaml.parse(self.text, Loader=yaml.SafeLoader))
        first = next((event for event in events if not isinstance(event, _FRAME)), None)
        value = None if first is None else self._value(events, first)
        for event in events:
            if not isinstance(event, _FRAME):
                raise self.refused("a second document begins here: settings are one", event.start_mark)
        return value

    def _checked(self, events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
        """The events, refused where the file wants more than values."""
        depth = 0
        for event in events:
            if isinstance(event, yaml.NodeEvent) and event.anchor:
                raise self.refused("anchors and aliases (& and *) are not read", event.start_mark, fix="write the value out")
            if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag:
                what = f"the tag {event.tag[:60]} is not read, and nothing was run"
                raise self.refused(what, event.start_mark, fix="write plain values: words, numbers, lists, mappings")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > LIMIT_DEPTH:
                raise self.refused(f"it nests deeper than {LIMIT_DEPTH} levels", event.start_mark)
            yield event

    def _value(self, events: Iterator[yaml.Event], event: yaml.Event) -> Any:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        return self._sequence(events) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(events)

    def _sequence(self, events: Iterator[yaml.Event]) -> list[Any]:
        found = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(self._value(events, event))
        return found

    def _mapping(self, events: Iterator[yaml.Event]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.refused("a key must be one word", event.start_mark)
            key = event.value
            line = event.start_mark.line + 1 if event.start_mark is not None else 0
            if key in found:
                what = f'the key "{key[:60]}" stands twice, in lines {lines[key]} and {line}'
                raise self.refused(what, event.start_mark, fix="leave one of them out")
            lines[key] = line
            found[key] = self._value(events, next(events))
        return found

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        if event.style is None:
            return plain_value(event.value, where=self._place(event.start_mark))
        if _DECIMAL.fullmatch(event.value):
            place = self._place(event.start_mark)
            self.notes.append(f'{place}: "{event.value}" in quotes is taken for a number where one is needed')
        return event.value

    def refused(self, what: str, mark: Any, *, fix: str = "correct this line") -> Refusal:
        """The refusal that shows the line with a caret under the place (a mark of yaml's, or None)."""
        if mark is None:
            return _refused(what, self.where)
        lines = self.text.splitlines() or [""]
        line = lines[min(mark.line, len(lines) - 1)]
        start = max(0, mark.column - 40)
        shown = "".join(sign if sign.isprintable() else "→" if sign == "\t" else "?" for sign in line[start : start + 72])
        caret = " " * min(mark.column - start, len(shown)) + "^"
        return _refused(what, f"{self._place(mark)}\n         {shown}\n         {caret}", fix=fix)

    def _place(self, mark: Any) -> str:
        return f"{self.where}:{mark.line + 1}:{mark.column + 1}"


_FRAME = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "not YAML")
    return "a tab stands where only spaces may indent" if "'\\t'" in problem else problem


def _refused(
    what: str, where: str, *, code: str = "YAML_INVALID", why: str = "", fix: str = "give a text file of settings"
) -> UsageRefusal:
    return UsageRefusal(code, what, where=where, why=why or "settings must be understood in one way only", fix=fix)
