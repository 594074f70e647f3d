"""Inference: the kind that each column looks like, each kind speaking for itself."""

import re
import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, UsageRefusal, did_you_mean
from thalweg.core.printable import typed
from thalweg.fields.column import Column, Look
from thalweg.fields.encoding import Claim, Encoding, Role

ROLES: tuple[Role, ...] = ("input", "target", "group", "weight", "time", "id", "ignored")


ID_NAME = re.compile(r"(?:^|[_\s.-])(?:id|uuid|guid|index|idx|row)$|[a-z](?:Id|ID)$", re.ASCII)
"""Names of columns that number or name their rows."""
LONG_CODE = 24
"""Characters of a code, on average, from which on it is offered as text."""
LARGEST_WHOLE = 2**53
"""Above this, floats no longer tell whole numbers apart."""


class Guess(NamedTuple):
    """What a column was taken for: a kind, or None where it is to be left out, and a sentence where people should know."""

    kind: str | None
    sentence: str
    role: Role = "ignored"


def infer(name: str, column: Column, *, target: bool = False) -> Guess:
    """The kind that is surest that the column is of it; columns that only name their rows are left out.

    Args:
        target: the column is to be predicted, so it is never left out.

    Raises:
        DataRefusal: no kind knows such values.
    """
    look = Look(name, column, target=target)
    if not target and names_rows(look):
        use = "number" if look.numeric else "text" if _long(look) else "category"
        return Guess(
            None, f"{name} left out: every row has its own value, like an id ({typed('field', name, use)} to use it)", "id"
        )
    if not target and is_constant(look):
        return Guess(None, f"{name} left out: it is {_said(look.distinct[0])} in every row")
    claims = [(claim, kind) for kind in registry.names("kind") if (claim := _claim(kind, look))]
    if claims:
        best, kind = max(claims, key=lambda one: one[0].sureness)
        return Guess(kind, best.sentence)
    if not target and look.scalar:
        return Guess(
            None, f"{name} left out: {len(look.distinct):,} distinct values ({typed('field', name, 'category')} to use it)"
        )
    raise DataRefusal(
        "DATA_UNKNOWN_KIND",
        f'the values of "{name}" are of no kind that is known',
        where=f"field {name}, first value: {_shown(next(iter(look.sample), None))}",
        why="values must be turned into tensors",
        fix=f"{typed('field', name, 'KIND')} (thalweg list kinds), or {typed('ignore', name)}",
    )


def _shown(value: object) -> str:
    """A value as text, or what sort of object it is where that is all that its text tells."""
    text = str(value)
    return f"a {type(value).__name__}" if " at 0x" in text else text[:80]


def _said(value: object) -> str:
    """A value as Python writes it, a moment as people do."""
    return value.isoformat(sep=" ").removesuffix(" 00:00:00") if isinstance(value, datetime) else repr(value)


def _claim(kind: str, look: Look) -> Claim | None:
    part: type[Encoding] = registry.load("kind", kind)
    return part.recognise(look)


def names_rows(look: Look) -> bool:
    """The column looks like an id: a word with a value of its own in nearly every row, or whole numbers counting the rows."""
    if not look.scalar or len(look) < 20 or look.files or look.legible:
        return False
    if not look.numeric:
        return len(look.distinct) > 0.9 * len(look)
    if not look.whole or len(look.distinct) < len(look):
        return False
    counts = look.distinct[-1] - look.distinct[0] == len(look) - 1
    return counts or look.distinct[-1] > LARGEST_WHOLE or ID_NAME.search(look.name) is not None


def _long(look: Look) -> bool:
    """Codes so long that what they are made of may tell something: sequences of letters, formulas."""
    return bool(look.sample) and sum(len(str(value)) for value in look.sample) >= LONG_CODE * len(look.sample)


def is_constant(look: Look) -> bool:
    """Every row has the same value, and none is missing."""
    return look.scalar and not look.files and len(look) > 1 and look.constant


def is_role(word: str) -> bool:
    """The word names a role rather than a kind.

    Raises:
        UsageRefusal: it names neither; the nearest is given.
    """
    kinds = registry.names("kind")
    if word in ROLES or word in kinds:
        return word in ROLES
    raise UsageRefusal(
        "FIELD_UNKNOWN_KIND",
        f'"{word}" is neither a kind nor a role; {did_you_mean(word, [*kinds, *ROLES])}',
        where="--field",
        why="a field has a kind (what its values are) and a role (what they are for)",
        fix=f"kinds: {', '.join(kinds)}; roles: {', '.join(ROLES)}",
    )


def refuse_unknown_field(name: str, fields: Sequence[str], *, where: str, repeated: str | None = None) -> None:
    """Raise a UsageRefusal where the data have no such field; the nearest is named.

    Args:
        repeated: the option that names one field each time it is given.
    """
    if name not in fields:
        several = [one.strip() for one in name.split(",")]
        apart = repeated is not None and len(several) > 1 and set(several) <= set(fields)
        raise UsageRefusal(
            "FIELD_UNKNOWN",
            f'the data have no field "{name}"' + ("" if apart else f"; {did_you_mean(name, fields)}"),
            where=where,
            why="a comma may stand in a name, so each is named by itself"
            if apart
            else "only fields that are there can be named",
            fix=" ".join(f"{repeated} {shlex.quote(one)}" for one in several)
            if apart
            else "fields: " + ", ".join(list(fields)[:20]) + (" ..." if len(fields) > 20 else ""),
        )
