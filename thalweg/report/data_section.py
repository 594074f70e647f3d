"""The data: how many rows did what, what was inferred, and what the check of the data found."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from thalweg.core.errors import some_of
from thalweg.report.markup import folded, paragraph, section, table, text
from thalweg.report.run_facts import Facts

FLAG = re.compile(r"(--[a-z][a-z-]*(?:[ =](?:'[^']*'|[A-Z]+\b|\w+=\w+|[\w-]+(?=[.;)]|$)))?)")
NOWHERE = " in none of "
"""How the check says that there was no time to look for something."""
CLAUSE = re.compile(r"; (?!(?:an)?other\b|as they are:)")
"""Where one thing that was read ends and the next begins; what corrects it stays with it."""
LONG, SHOWN = 3, 5
"""Clauses from which on what was read is a list, and rows that a finding names in its sentence."""
PLANS = {
    "train": "to learn from",
    "validation": "to choose settings by and when to stop",
    "calibration": "set aside for later (calibration)",
    "test": "to judge it in the end",
}
"""What the parts are for, until they have done it."""
DEEDS = {
    "train": "trained it",
    "validation": "chose settings and when to stop",
    "calibration": "were set aside for later (calibration)",
    "test": "judged it",
}


def data_section(facts: Facts) -> str:
    """Rows, notes and findings."""
    parts = (facts.data.get("fingerprint") or {}).get("parts") or {}
    deeds = DEEDS if facts.results else PLANS
    content = paragraph(rows_sentence(parts, counted=facts.results.get("counted") or "examples", deeds=deeds))
    notes = [str(note) for note in facts.data.get("notes") or []]
    content += "".join(f'<div class="note">{_clauses(note)}</div>' for note in notes)
    content += "".join(_finding(one) for one in facts.data.get("findings") or []) + _checked(facts.data)
    return section("data", "The data", content + _fields(facts)) if content else ""


def rows_sentence(
    parts: Mapping[str, int | None], *, counted: str = "examples", deeds: Mapping[str, str] = MappingProxyType(DEEDS)
) -> str:
    """How many rows each part has, and what for.

    Args:
        counted: what people call them (examples, episodes).
        deeds: what each part did.
    """
    said = [f"{parts[part]:,} {deed}" for part, deed in deeds.items() if parts.get(part)]
    if not said:
        return ""
    whole = sum(count for count in parts.values() if count)
    drawn = f"Training {counted} were drawn without end; of the others, " if "train" in parts and parts["train"] is None else ""
    start = drawn or f"{whole:,} rows: "
    return f"{start}{', '.join(said[:-1])}{' and ' if len(said) > 1 else ''}{said[-1]}."


def _note(words: str) -> str:
    """A sentence on what was read, its flags as code."""
    return "".join(f"<code>{text(part)}</code>" if odd % 2 else text(part) for odd, part in enumerate(FLAG.split(words)))


def _clauses(note: str) -> str:
    """What was read: many things, one below the other."""
    clauses = CLAUSE.split(note)
    return _note(note) if len(clauses) < LONG else f"<ul>{''.join(f'<li>{_note(one)}' for one in clauses)}</ul>"


def _finding(one: Mapping[str, Any]) -> str:
    """A finding of the check: what, how to mend it, and the rows."""
    what, fix = one.get("what") or one.get("sentence") or "", one.get("fix") or ""
    care = one.get("severity") not in ("ok", "info", "note")
    mark = "<small>needs care</small> " if care else ""
    said = "".join(f" {_note(sentence(words))}" for words in (str(one.get("why") or ""), str(fix)) if words)
    return f'<div class="note{" care" if care else ""}">{mark}<b>{text(sentence(what))}</b>{said}{_rows(one)}</div>'


def _rows(one: Mapping[str, Any]) -> str:
    """All rows of a finding, where its sentence names the first of them only."""
    rows, count = list(one.get("rows") or []), int(one.get("count") or 0)
    if len(rows) <= SHOWN:
        return ""
    named = f"All {count:,} rows" if count <= len(rows) else f"The first {len(rows):,} of {count:,} rows"
    return folded(named, f'<p class="quiet">{text(", ".join(map(str, rows)))}</p>', of=str(one.get("what") or ""))


def sentence(words: str) -> str:
    """Words with a capital and a full stop; what begins with a sign or a name in quotes stays as it is."""
    whole = words.strip()
    return whole[:1].upper() + whole[1:] + ("" if whole.endswith((".", "!", "?", "…")) or not whole else ".")


def _checked(data: Mapping[str, Any]) -> str:
    """That nothing was found, and what was looked for in part only."""
    if "findings" not in data:
        return ""
    nothing = "" if data["findings"] else '<div class="note">The check of the data found nothing wrong.</div>'
    part = [str(one) for one in data.get("looked_at_in_part") or []]
    seen = [one for one in part if NOWHERE not in one]
    unseen = [one.partition(NOWHERE)[0] for one in part if NOWHERE in one]
    looked = [f"it looked for {'; for '.join(seen)}"] if seen else []
    looked += [f"it did not look for {' or '.join(unseen)}"] if unseen else []
    said = f"Ahead of the training the check was quick: {'; '.join(looked)}. thalweg check looks at everything."
    return nothing + (paragraph(said, kind="quiet") if part else "")


def _fields(facts: Facts) -> str:
    rows = [
        [text(field.get("name")), text(field.get("role")), text(field.get("kind")), text(_columns(field))]
        for field in facts.data.get("fields") or []
    ]
    return folded("Fields as they were read", table(["name", "role", "kind", "columns"], rows, named="Fields")) if rows else ""


def _columns(field: Mapping[str, Any]) -> str:
    names = [str(name) for name in field.get("fields") or []]
    return some_of(names, 12)
