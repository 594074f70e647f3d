"""Where the time of training went, part by part, how fast the steps were, and what bound them."""

import re
from collections.abc import Mapping
from typing import Any

from thalweg.report.bar_chart import Bar, bars
from thalweg.report.markup import figure, folded, paragraph, section, table, text, unbroken
from thalweg.report.run_facts import Facts
from thalweg.training.profile_telling import LEAST_MEMORY, noticed, percent, reached

SPENT = "What training spent its time on"
ASKED = re.compile(r"--[a-z-]+(?: [\w.=]+)?")
"""A flag with its value within a sentence."""


def profile_section(facts: Facts) -> str:
    """A bar for each part, the bottleneck in words; nothing where no step was clocked."""
    found: Mapping[str, Any] = facts.results.get("profile") or {}
    parts = noticed(found)
    if not parts:
        return ""
    said = text(_sentence(found["bottleneck"]))
    said = ASKED.sub(r"<code>\g<0></code>", unbroken(said))
    note = f'<div class="note"><p>{said}</p></div>'
    rows = [Bar(part["name"], part["share"], None, None, percent(part["share"])) for part in parts]
    spoken = ", ".join(f"{one.name} {one.words}" for one in rows)
    picture = figure(bars(rows, label=f"{SPENT}: {spoken}", said=spoken), "")
    return section("profile", SPENT, note + picture + paragraph(_clocked(found), kind="quiet") + _table(found))


def _clocked(found: Mapping[str, Any]) -> str:
    """How fast it was, what was clocked how, and the memory that it took."""
    sentences = [_sentence(reached(found))]
    if found["timed_in_parts"]:
        several = f"{found['timed_in_parts']:,} of {found['steps']:,} steps were timed in parts"
        sentences.append(f"{several}, all others as a whole.")
    if (found["memory_bytes"] or 0) >= LEAST_MEMORY:
        sentences.append(f"Memory grew by {found['memory_bytes'] / 1e6:,.0f} MB at most.")
    return " ".join(sentences)


def _table(found: Mapping[str, Any]) -> str:
    rows = [
        [text(part["name"]), percent(part["share"]), f"{part['milliseconds']:.3f}", f"{part['seconds']:.2f}"]
        for part in found["parts"]
    ]
    return folded("The same as a table", table(["part", "share", "ms a step", "seconds"], rows, named=SPENT), of=SPENT)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
