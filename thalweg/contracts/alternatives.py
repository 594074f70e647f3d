"""Legal values of a settings field other than its own, and illegal ones: by which contracts see whether it is minded."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from thalweg.core import registry
from thalweg.core.settings import Choice, Settings

LAYERS = ("activation", "initialisation", "normalisation", "dropout", "loss", "optimizer", "schedule")
"""Sorts of parts that a setting may name."""


def alternatives(settings: Settings, field: str) -> Iterator[Settings]:
    """The same settings with another legal value of one field, several in turn."""
    held = getattr(settings, field)
    for candidate in _candidates(type(settings).model_fields[field].annotation, held):
        try:
            yield type(settings)(**{**_given(settings), field: candidate})
        except ValidationError:
            continue


def _given(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in type(settings).model_fields}


def _candidates(annotation: Any, held: Any) -> list[Any]:
    choices = _literals(annotation)
    if choices:
        return [value for value in choices if value != held]
    if isinstance(held, bool):
        return [not held]
    if isinstance(held, int):
        return [held + 1, held * 2, held - 1, held + 2, 1]
    if isinstance(held, float):
        return [held * 0.5, held + 0.25, held - 0.25, 0.3, 5.0]
    if isinstance(held, str):
        return _others(held)
    if isinstance(held, Choice):
        return [Choice(name=name) for name in _others(held.name)]
    if isinstance(held, tuple):
        return _tuples(held)
    if isinstance(held, dict):
        return [{}] if held else []
    return [0.5, 2, True, 0.1, (4, 4)] if held is None else []


def _literals(annotation: Any) -> tuple[Any, ...]:
    """The values of a Literal, also of one that may be None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(value for one in get_args(annotation) for value in _literals(one))
    return ()


def _others(name: str) -> list[str]:
    """Other parts of the sort that a name is of."""
    sorts = [sort for sort in LAYERS if name in registry.names(sort)]
    return [other for sort in sorts for other in registry.names(sort) if other != name]


def _tuples(held: tuple[Any, ...]) -> list[Any]:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in held)
    scaled = [tuple(type(value)(value * factor) for value in held) for factor in (2, 0.5)] if numbers and held else []
    return [*scaled, held[:-1], (*held, *held[-1:])]


def illegal(settings: Settings, field: str) -> Iterator[Any]:
    """Values that no field of this type may take: text for numbers, unknown names, sizes below zero."""
    held = getattr(settings, field)
    yield from ("no such value",) if not isinstance(held, Choice) else ({"name": "no such value"},)
    if isinstance(held, tuple) and held and all(isinstance(value, int) for value in held):
        yield tuple(-3 for _ in held)
    elif isinstance(held, int) and not isinstance(held, bool):
        yield -3
    elif isinstance(held, float):
        yield float("nan")
