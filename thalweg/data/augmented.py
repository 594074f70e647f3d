"""From what a user writes (`augment: [flip, {shift: {pixels: 1}}]`) to the augmentations of a batch, in that order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment
from thalweg.fields.encoding import Encodings

Given = str | Mapping[str, Mapping[str, Any] | None] | Augment
"""A name, a name with its settings, or a function of one's own."""


@dataclass(frozen=True)
class Placed:
    """An augmentation at its place in the list, so that the same one named twice draws differently."""

    augment: Augment
    place: int

    def __call__(self, batch: Batch, at: Position) -> Batch:
        return self.augment(batch, at.inside(f"augment {self.place}"))


def build_augment(given: Sequence[Given], encodings: Encodings) -> list[Augment]:
    """The augmentations that were named, ready to be applied in turn.

    Raises:
        UsageRefusal: an unknown name or setting, an entry of another form, or nothing in the data for one to act on.
    """
    return [Placed(_built(entry, place, encodings), place) for place, entry in enumerate(given)]


def _built(entry: Given, place: int, encodings: Encodings) -> Augment:
    if isinstance(entry, Callable):  # type: ignore[arg-type]
        return entry  # type: ignore[return-value]
    name, given = _named(entry, place)
    part = registry.load("augmentation", name)
    settings = registry.settings_of("augmentation", name, given)
    _check_kinds(name, encodings)
    built: Augment = part(settings, encodings)
    return built


def _named(entry: object, place: int) -> tuple[str, Mapping[str, Any]]:
    """The name and settings of an entry: `flip`, or one name with its settings."""
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        (name, given), *_ = entry.items()
        if isinstance(name, str) and (given is None or isinstance(given, Mapping)):
            return name, given or {}
    raise UsageRefusal(
        "AUGMENT_FORM",
        f"an augmentation is a name, or one name with its settings; got {str(entry)[:60]}",
        where=f"augment, entry {place + 1}",
        why="the order matters, so each is an entry of its own",
        fix="augment: [flip, {shift: {pixels: 1}}]",
    )


def _check_kinds(name: str, encodings: Encodings) -> None:
    wanted = registry.facts("augmentation", name)["kinds"]
    present = list(dict.fromkeys(encoding.kind for encoding in encodings.inputs))
    if not set(wanted) & set(present):
        raise UsageRefusal(
            "AUGMENT_KIND",
            f'"{name}" acts on {" or ".join(wanted)} inputs; the data has {", ".join(present) or "none"}',
            where=f"augment, {name}",
            why="it would do nothing",
            fix=f"leave {name} out: thalweg list augmentations",
            details={"wanted": list(wanted), "present": present},
        )
