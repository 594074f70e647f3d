"""The code of the user's own parts, as a digest: a run that goes on with other code should say so."""

import hashlib
import inspect
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

from torch import nn

from thalweg.training.stage import Own

OURS = ("torch", "thalweg", "builtins", "abc", "typing")
"""Packages whose code is told by their versions."""


def digests_of_code(own: Own) -> dict[str, str]:
    """What was given as objects, by sort of part: a digest of the source of its classes or function, where that can be read."""
    parts: Mapping[str, Any] = {"model": own.model, "task": own.task, "rule": own.rule, "loss": own.loss}
    sources = {sort: sorted(set(_sources(one))) for sort, one in parts.items() if one is not None}
    return {sort: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] for sort, texts in sources.items() if texts}


def _sources(given: Any) -> Iterator[str]:  # noqa: ANN401 - an object of the user's
    for one in _defined(given):
        if str(one.__module__).partition(".")[0] in OURS:
            continue
        try:
            yield inspect.getsource(one)
        except (OSError, TypeError):  # typed into a prompt, or compiled
            continue


def _defined(given: Any) -> list[Any]:  # noqa: ANN401
    """The classes and functions that make up a part: of a net those of all its modules."""
    if isinstance(given, FunctionType):
        return [given]
    owners = given.modules() if isinstance(given, nn.Module) else [given]
    kinds = [one if isinstance(one, type) else type(one) for one in owners]
    return list(dict.fromkeys(base for kind in kinds for base in kind.__mro__))
