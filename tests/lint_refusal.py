"""What every refusal must be, few lines, a code, what is wrong, how to mend it, nothing of ours."""

import json
import re
from collections.abc import Mapping

CODES = {2, 3, 4, 5, 6, 7, 8, 129, 130, 143}
MOST_LINES = 6
CODE = re.compile(r"[A-Z][A-Z0-9_]{3,39}")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}|\bat 0x|<[\w.]+ object")
EMPTY = re.compile(r"^(invalid|bad|wrong|illegal) (input|value|argument|data)\.?$", re.IGNORECASE)


def assert_sound_refusal(code: int, text: str) -> dict[str, str]:
    """Check a refusal as a terminal shows it; returns its parts by label (`code`, `what`, `where`, `why`, `fix`)."""
    assert code in CODES, f"exit code {code}\n{text}"
    lines = _refusal(text)
    assert len(lines) <= MOST_LINES, f"{len(lines)} lines\n{text}"
    head = re.match(r"(\S+)  (.+)", lines[0])
    assert head, lines[0]
    told = {"code": head[1], "what": head[2]}
    told |= {match[1]: match[2] for line in lines[1:] if (match := re.match(r"  (where|why|fix) +(.+)", line))}
    _assert_told(told)
    _assert_nothing_of_ours(text)
    return told


def assert_sound_error(code: int, text: str) -> dict[str, str]:
    """Check a refusal as `--json` shows it: one object on standard output, with the same facts."""
    assert code in CODES, f"exit code {code}\n{text}"
    whole = json.loads(text)
    assert list(whole) == ["error"], whole
    _assert_told(whole["error"])
    _assert_nothing_of_ours(text)
    return dict(whole["error"])


def _refusal(text: str) -> list[str]:
    """The refusal's lines: the last that begins with a code, to the end; what was said before it is talk."""
    lines = text.rstrip("\n").split("\n")
    begins = [number for number, line in enumerate(lines) if re.match(rf"{CODE.pattern}  \S", line)]
    assert begins, f"no refusal in\n{text}"
    return lines[begins[-1] :]


def _assert_told(told: dict[str, str]) -> None:
    problems = unsound(told, "")
    assert not problems, problems


def unsound(told: Mapping[str, str], text: str) -> list[str]:
    """What is wrong with a refusal.

    Args:
        told: its parts.
        text: how a terminal shows it.
    """
    code = told.get("code", "")
    problems = [f"{code} says nothing of its {part}" for part in ("what", "where", "why", "fix") if not told.get(part)]
    if not CODE.fullmatch(code):
        problems.append(f"{code!r} is no stable code")
    if len(told.get("what", "")) <= 8 or EMPTY.match(told.get("what", "")):
        problems.append(f"{code} does not say what is wrong: {told.get('what')!r}")
    if len(text.split("\n")) > MOST_LINES:
        problems.append(f"{code} has more than {MOST_LINES} lines: {text!r}")
    if "Traceback (most recent call last)" in text or ADDRESS.search(text):
        problems.append(f"{code} shows what is ours: {text!r}")
    return problems


def _assert_nothing_of_ours(text: str) -> None:
    assert "Traceback (most recent call last)" not in text, text
    assert not ADDRESS.search(text), text
