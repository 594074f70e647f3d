"""Legal values of a settings field other than its default: what the contracts try to see whether a field matters."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from thalweg.core.settings import Settings


def alternatives(kind: type[Settings], field: str, **others: Any) -> Iterator[Settings]:
    default = getattr(kind(**others), field)
    for candidate in _candidates(kind.model_fields[field].annotation, default):
        try:
            yield kind(**{**others, field: candidate})
        except ValidationError:
            continue


def _candidates(annotation: Any, default: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return [value for value in get_args(annotation) if value != default]
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [default + 1, default - 1, 1]
    if isinstance(default, float):
        return [default * 0.5, default + 0.25, default - 0.25, 0.3, 5.0]
    return [tuple(value * 0.5 for value in default)]
