"""What `thalweg list` shows: the parts of a sort as their declarations say it; no part's file is imported."""

import textwrap
from collections.abc import Mapping
from typing import Any

from thalweg.cli.flags import Answer, Page
from thalweg.cli.terminal import paragraph
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal, did_you_mean, nearest
from thalweg.core.readable import readable

DATASETS = "datasets"
TOLD = ("target", "tasks", "inputs", "rule", "task", "rows", "better", "output", "licence")
"""Facts that a list shows, in this order."""
LEAST_TEXT = 24
"""Columns beside a name below which text is not laid out there."""


def listed(sort: str | None, page: Page) -> Answer:
    """The names of a sort with what each is, or the sorts."""
    if sort is None:
        return _sorts(page)
    sort = sort_named(sort)
    if sort == registry.plural("kind"):
        return _abilities(page)
    parts = parts_of(sort)
    facts = [{"name": name, "summary": part.summary, **part.facts} for name, part in parts.items()]
    lines = [] if parts else [f"no {sort} yet"]
    width = max(map(len, parts), default=0)
    for name, part in parts.items():
        told = part.summary if part.variant_of is None else f"a variant of {part.variant_of}"
        lines += _row(f"{name:<{width}}  ", told, page)
        shown = _facts(part.facts) if part.variant_of is None else ""
        lines += _row(" " * (width + 4), shown, page) if shown else []
    return Answer(lines, {sort: facts})


def sort_named(word: str) -> str:
    """The sort that a word means, in the plural: models, losses, datasets, ...

    Raises:
        UsageRefusal: there is no such sort; the nearest is given.
    """
    plurals = {registry.plural(sort) for sort in registry.ROOMS} | {DATASETS}
    folded = word.casefold()
    for plural in plurals:
        if folded in (plural, plural.removesuffix("s"), plural.removesuffix("es")):
            return plural
    close = nearest(word, plurals, count=1)
    raise UsageRefusal(
        "SORT_UNKNOWN",
        f'nothing is called "{word[:60]}"; {did_you_mean(word, plurals)}',
        where=f"thalweg list {word[:60]}",
        why="parts are listed by their sort",
        fix=f"thalweg list {close[0]}" if close else f"one of {', '.join(sorted(plurals))}",
    )


def parts_of(plural: str) -> dict[str, registry.Part]:
    """The parts of a sort by name; datasets are the sources that are asked for by their name."""
    if plural == DATASETS:
        return {name: part for name, part in registry.parts("source").items() if part.facts.get("catalogued")}
    sort = next(sort for sort in registry.ROOMS if registry.plural(sort) == plural)
    return dict(sorted(registry.parts(sort).items()))


def _sorts(page: Page) -> Answer:
    counts = {registry.plural(sort): len(registry.parts(sort)) for sort in registry.ROOMS}
    counts[DATASETS] = len(parts_of(DATASETS))
    width = max(map(len, counts))
    lines = [f"{plural:<{width}}  {count:>3}" for plural, count in sorted(counts.items())]
    return Answer([*lines, "", "thalweg list models, thalweg info NAME"], {"sorts": counts})


def _abilities(page: Page) -> Answer:
    """Kinds of data and what can be done with each, as the declarations say."""
    rows: list[dict[str, Any]] = []
    for name, part in sorted(registry.parts("kind").items()):
        plural = part.facts.get("plural", name)
        models = [one for one, model in registry.parts("model").items() if {name, plural} & readable(model.facts)]
        tasks = [one for one, task in registry.parts("task").items() if task.facts.get("target") == name]
        rows.append(
            {
                "name": name,
                "summary": part.summary,
                "models": models,
                "tasks": tasks,
                "features": name in registry.parts("features"),
                "view": name in registry.parts("view"),
            }
        )
    lines = _row(f"{'kind':<12} {'models':<7} {'features':<9} {'view':<5} ", "target of", page)
    for row in rows:
        marks = [str(len(row["models"]) or "-"), *("yes" if row[ability] else "-" for ability in ("features", "view"))]
        head = f"{row['name']:<12} {marks[0]:<7} {marks[1]:<9} {marks[2]:<5} "
        lines += _row(head, ", ".join(row["tasks"]) or "-", page)
    return Answer(lines, {registry.plural("kind"): rows})


def _facts(facts: Mapping[str, Any]) -> str:
    told = {key: facts[key] for key in TOLD if facts.get(key)}
    return "  ".join(f"{key}: {', '.join(value) if isinstance(value, tuple | list) else value}" for key, value in told.items())


def _row(head: str, text: str, page: Page) -> list[str]:
    """One line for a program that reads it; where somebody looks, as many as the width asks for, indented below its text."""
    if not page.watched:
        return [(head + text).rstrip()]
    if page.width - len(head) >= LEAST_TEXT:
        return paragraph(head, [text], width=page.width, indent=len(head))
    return textwrap.wrap(f"{head.rstrip()}  {text}", page.width, subsequent_indent="    ", break_on_hyphens=False)
