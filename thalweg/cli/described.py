"""What `thalweg info` shows: what a part is and how it is set; or what a run's folder or a package holds."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from thalweg.cli.flags import Answer, Page
from thalweg.cli.terminal import paragraph
from thalweg.core import registry
from thalweg.core.errors import UsageRefusal, did_you_mean, nearest


def described(name: str, page: Page) -> Answer:
    """Every part of that name; or the folder at that path."""
    if Path(name).is_dir():
        return _folder(Path(name), page)
    canonical = name.casefold().replace("_", "-")
    sorts = [sort for sort in registry.ROOMS if canonical in registry.parts(sort)]
    if not sorts:
        raise _unknown(name)
    told = [_part(sort, canonical) for sort in sorts]
    lines: list[str] = []
    for one in told:
        lines += [*([""] if lines else []), *_part_lines(one, page)]
    return Answer(lines, {"parts": told})


def _unknown(name: str) -> UsageRefusal:
    known = {one for sort in registry.ROOMS for one in registry.parts(sort)}
    close = nearest(name, known, count=1)
    return UsageRefusal(
        "NAME_UNKNOWN",
        f'there is neither a part nor a folder "{name[:60]}"' + (f"; {did_you_mean(name, known)}" if close else ""),
        where=f"thalweg info {name[:60]}",
        why="only what is declared can be described",
        fix=f"thalweg info {close[0]}" if close else "thalweg list shows what can be named",
    )


def _part(sort: str, name: str) -> dict[str, Any]:
    """What a part's declaration says, its settings with the variant's row, and the size of its smallest instance."""
    part = registry.parts(sort)[name]
    declaration = registry.load(sort, name).declaration
    settings = registry.settings_of(sort, name)
    variants = [one for one, other in registry.parts(sort).items() if other.variant_of == (part.variant_of or name)]
    facts: dict[str, Any] = {
        "sort": sort,
        "name": name,
        "summary": part.summary,
        "variant_of": part.variant_of,
        "facts": dict(part.facts),
        "settings": list(_settings(declaration.settings, settings.model_dump(mode="json"))),
        "variants": variants,
        "file": f"{part.module}:{part.line}",
    }
    return facts | ({"tiny": _tiny(name)} if sort in _SIZED else {})


def _settings(kind: Any, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    schema = kind.model_json_schema()["properties"] if kind.model_fields else {}
    for name, field in kind.model_fields.items():
        told = schema.get(name, {})
        ranges = [told, *told.get("anyOf", [])]
        bounds = {word: one[key] for one in ranges for key, word in _BOUNDS.items() if key in one}
        choices = next((one["enum"] for one in ranges if "enum" in one), None)
        described = field.description or ""
        yield {"name": name, "value": values[name], "range": bounds, "choices": choices, "description": described}


FACT = 13
"""Columns that the name of a fact takes."""
_SIZED = ("model",)
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def _tiny(name: str) -> dict[str, Any]:
    """Parameters of the smallest instance."""
    kind = registry.load("model", name)
    ports, settings = kind.tiny()
    count = sum(one.numel() for one in kind(ports, settings).parameters())
    inputs = ", ".join(f"{port.name} {tuple(port.shape)}" for port in ports.inputs)
    return {"parameters": count, "inputs": inputs, "settings": settings.model_dump(mode="json", exclude_unset=True)}


def _part_lines(told: Mapping[str, Any], page: Page) -> list[str]:
    lines = paragraph(told["sort"], [f"{told['name']}: {told['summary']}"], width=page.width)
    if told["variant_of"]:
        lines += paragraph("", [f"a variant of {told['variant_of']}"], width=page.width)
    for key, value in told["facts"].items():
        shown = ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
        lines += paragraph("", [f"{key}: {shown}"], width=page.width)
    for number, one in enumerate(told["settings"]):
        lines += paragraph("settings" if not number else "", [_setting_line(one)], width=page.width)
    if told["variants"]:
        lines += paragraph("variants", [", ".join(told["variants"])], width=page.width)
    if "tiny" in told:
        tiny = told["tiny"]
        lines += paragraph("smallest", [f"{tiny['parameters']:,} parameters for {tiny['inputs']}"], width=page.width)
    return [*lines, *paragraph("file", [told["file"]], width=page.width)]


def _setting_line(one: Mapping[str, Any]) -> str:
    ranges = " and ".join(f"{sign} {bound:g}" for sign, bound in one["range"].items())
    allowed = " or ".join(map(str, one["choices"])) if one["choices"] else ranges
    remarks = "; ".join(text for text in (allowed, one["description"]) if text)
    return f"{one['name']} = {one['value']}" + (f"   {remarks}" if remarks else "")


def _folder(path: Path, page: Page) -> Answer:
    """What a run's folder or a package holds; nothing in it is executed."""
    from thalweg import api

    found = api.described(path)
    lines: list[str] = []
    for label, value in found.items():
        if value not in (None, "", {}, []):
            shown = _told(value)
            lines += paragraph(label, [shown], width=page.width, indent=FACT)
    return Answer(lines, found)


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_told(one)}" for key, one in value.items() if one not in ({}, [], None))
    if isinstance(value, list | tuple):
        return ", ".join(map(_told, value))
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
