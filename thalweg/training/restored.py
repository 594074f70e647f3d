"""A checkpoint's state held against what is to take it back: what cannot be its own is refused before anything takes it.

Digests say that a file is as it was written; not that whoever wrote it wrote a checkpoint of this run.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from thalweg.core.errors import PackageRefusal
from thalweg.core.position import Position

NUMBERS = [field.name for field in fields(Position) if field.name != "path"]


def position_in(stamp: Mapping[str, Any]) -> Position:
    """Where training stood, as a checkpoint's stamp says it.

    Raises:
        ValueError: it is no position.
        KeyError: something is missing.
        TypeError: something else is there.
    """
    told = stamp["position"]
    position = Position(**{**told, "path": tuple(told["path"])})
    wrong = [name for name in NUMBERS if type(getattr(position, name)) is not int or not 0 <= getattr(position, name) < 1 << 63]
    if wrong or not all(isinstance(name, str) for name in position.path):
        raise ValueError(f"its position has no {', '.join(wrong) or 'path'}")
    return position


def typed(facts: Mapping[str, Any], name: str, kind: type) -> Any:
    """What a checkpoint says under a name, of that type.

    Raises:
        KeyError: it says nothing.
        ValueError: it is of another type.
    """
    if type(facts[name]) is not kind:
        raise ValueError(f"its {name} is {type(facts[name]).__name__}, {kind.__name__} is wanted")
    return facts[name]


def refuse_misfits(stored: Mapping[str, Any], now: Mapping[str, Any], *, where: str) -> None:
    """Return where a state can be taken back by the things that have another now.

    Args:
        stored: what a checkpoint holds.
        now: what these things say of themselves, freshly built.

    Raises:
        PackageRefusal: tensors are missing, unexpected, of another shape or type, or not finite; or values of another sort.
    """
    found = list(_misfits(stored, now, ""))
    if found:
        more = f"; and {len(found) - 5} more" if len(found) > 5 else ""
        raise misfit("; ".join(found[:5]) + more, where, details={"problems": found})


@contextmanager
def understood(where: str) -> Iterator[None]:
    """While a state is taken back: what raises within cannot have been written by a run.

    Raises:
        PackageRefusal: in the place of what was raised.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, AssertionError, RuntimeError) as error:
        if isinstance(error, PackageRefusal):
            raise
        first = (str(error).splitlines() or [""])[0][:160]
        raise misfit(f"{type(error).__name__}: {first}", where) from None


def misfit(what: str, where: str, details: dict[str, Any] | None = None) -> PackageRefusal:
    """The refusal, ready to raise, of a checkpoint that cannot be of this run."""
    return PackageRefusal(
        "CHECKPOINT_MISFIT",
        f"the checkpoint is not of this run: {what}",
        where=where,
        why="training would go on from a state that it never had",
        fix="move that checkpoint away and resume from an older one, or start afresh under another --out",
        details=details,
    )


def _misfits(stored: Any, now: Any, place: str) -> Iterator[str]:
    """What of a stored tree is of another sort than its like; what is only now and then there is let pass."""
    if isinstance(now, Tensor):
        yield from _tensor_misfits(stored, now, place)
    elif isinstance(now, Mapping):
        yield from _mapping_misfits(stored, now, place)
    elif isinstance(now, list | tuple):
        if type(stored) is not type(now):
            yield f"{place} is {type(stored).__name__}"
        elif len(stored) == len(now):
            for number, (one, like) in enumerate(zip(stored, now, strict=True)):
                yield from _misfits(one, like, f"{place}.{number}")
    elif now is not None and stored is not None and not _alike(stored, now):
        yield f"{place} is {type(stored).__name__}, {type(now).__name__} is wanted"


def _alike(stored: Any, now: Any) -> bool:
    numbers = (int, float)
    return type(stored) is type(now) or (type(stored) in numbers and type(now) in numbers)


def _mapping_misfits(stored: Any, now: Mapping[Any, Any], place: str) -> Iterator[str]:
    if not isinstance(stored, Mapping):
        yield f"{place} is {type(stored).__name__}"
        return
    yield from (f"{place}.{key} is missing".lstrip(".") for key in now if key not in stored)
    if now:  # what is empty now fills while something is learned
        yield from (f"{place}.{str(key)[:60]} is unexpected".lstrip(".") for key in stored if key not in now)
    for key in now:
        if key in stored:
            yield from _misfits(stored[key], now[key], f"{place}.{key}".lstrip("."))


def _tensor_misfits(stored: Any, now: Tensor, place: str) -> Iterator[str]:
    if not isinstance(stored, Tensor):
        yield f"{place} is {type(stored).__name__}, a tensor is wanted"
    elif stored.shape != now.shape or stored.dtype != now.dtype:
        ours, theirs = (f"{str(one.dtype).removeprefix('torch.')} {tuple(one.shape)}" for one in (now, stored))
        yield f"{place} is {theirs}, {ours} is wanted"
    elif stored.is_floating_point() and not torch.isfinite(stored).all() and torch.isfinite(now).all():
        yield f"{place} is not finite"
