"""The schema: kind and role of each field, from what the user says, what the source knows, and what the values look like."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, some_of
from thalweg.core.manifest import shown
from thalweg.core.printable import typed
from thalweg.data._one_series import refuse_lone_series
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, Look, missing
from thalweg.fields.encoding import Encoding, Encodings, Role
from thalweg.fields.inference import infer, is_role, names_rows, refuse_unknown_field
from thalweg.fields.pictures import SUFFIXES

TARGET_NAMES = ("target", "label", "labels", "class", "y", "outcome", "survived", "churn", "diagnosis", "species")
"""Fields that are taken for the target where nobody names one, in this order; after them, the last column."""
NO_TARGET = "none"
ENCODED: tuple[Role, ...] = ("input", "target", "weight")


@dataclass(frozen=True)
class Field:
    """One typed column: its kind (None where it is not encoded) and its role."""

    name: str
    kind: str | None
    role: Role


@dataclass(frozen=True)
class Schema:
    """The fields of a dataset in the order of its columns, and sentences on what was inferred."""

    fields: tuple[Field, ...]
    notes: tuple[str, ...] = ()

    def encodings(self) -> Encodings:
        """An encoding, not yet fitted, for each field, and one for all inputs of a kind whose fields belong together."""
        members: dict[tuple[str, str, Role], list[str]] = {}
        for field in self.fields:
            if field.kind is not None:
                members.setdefault((_tensor(field), field.kind, field.role), []).append(field.name)
        beside = {kind: names for (_, kind, role), names in members.items() if role == "input"}
        return Encodings([_encoding(*key, names, beside) for key, names in members.items()])


def _tensor(field: Field) -> str:
    assert field.kind is not None
    part: type[Encoding] = registry.load("kind", field.kind)
    return registry.facts("kind", field.kind)["plural"] if part.grouped and field.role == "input" else field.name


def _encoding(name: str, kind: str, role: Role, fields: list[str], inputs: Mapping[str, list[str]]) -> Encoding:
    part: type[Encoding] = registry.load("kind", kind)
    also = inputs.get(part.beside, []) if part.beside else []
    return part(name, [*fields, *also], role)


def schema_of(examples: Examples, settings: DataSettings) -> Schema:
    """The kind and role of every column: the user's word first, then the source's, then what the values look like.

    Raises:
        UsageRefusal: the settings name a field, kind or role that is not there; the nearest is given.
        DataRefusal: values are of no known kind, or no input is left.
    """
    settings = _by_field(examples, settings)
    _refuse_unknown(examples, settings)
    roles = roles_of(examples, settings)
    fields, said = [], {}
    for name in examples.columns:
        field, note = _field(name, roles[name], examples, settings)
        fields.append(field)
        if note:
            said[name] = note
    notes = _together(said)
    if not any(field.role == "input" for field in fields):
        refuse_lone_series(examples, roles, settings)
        raise DataRefusal(
            "DATA_NO_INPUTS",
            "no field is left to predict from",
            where=f"fields: {some_of(list(map(shown, examples.columns)), 8)}",
            why="a net answers from inputs",
            fix=notes[0] if notes else "give more fields, or ignore fewer",
        )
    return Schema(tuple(fields), tuple(notes))


def _field(name: str, role: Role, examples: Examples, settings: DataSettings) -> tuple[Field, str]:
    if role not in ENCODED:
        return Field(name, None, role), ""
    said = settings.fields.get(name)
    if said is not None and not is_role(said):
        return Field(name, said, role), ""
    if role == "weight":
        return Field(name, "number", role), ""
    if name in examples.kinds:
        return Field(name, examples.kinds[name], role), ""
    if role == "input" and missing(examples.columns[name]).all():
        return Field(name, None, "ignored"), f"{name} left out: it is empty in every row"
    guess = infer(name, examples.columns[name], target=role == "target")
    return Field(name, guess.kind, role if guess.kind else guess.role), guess.sentence


def _together(said: Mapping[str, str]) -> list[str]:
    """Sentences by field, those that say the same of several fields as one."""
    alike: dict[str, list[str]] = {}
    for name, sentence in said.items():
        alike.setdefault(re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "\0", sentence), []).append(name)
    return [_of_several(sentence, names) for sentence, names in alike.items()]


def _of_several(sentence: str, names: Sequence[str]) -> str:
    if len(names) == 1:
        return sentence.replace("\0", shown(names[0]))
    listed = some_of(list(map(shown, names)), 8)
    return sentence.replace("\0", listed, 1).replace("\0", "NAME")


def _by_field(examples: Examples, settings: DataSettings) -> DataSettings:
    """The settings with what is said of an array said of each of the fields that it became."""
    fields = {field: word for name, word in settings.fields.items() for field in examples.meant(name)}
    ignored = tuple(field for name in settings.ignore for field in examples.meant(name))
    return settings.model_copy(update={"fields": fields, "ignore": ignored})


def _refuse_unknown(examples: Examples, settings: DataSettings) -> None:
    known = list(examples.columns)
    for name, word in settings.fields.items():
        refuse_unknown_field(name, known, where=typed("field", name, word))
        is_role(word)
    for name in settings.ignore:
        refuse_unknown_field(name, known, where=typed("ignore", name), repeated="--ignore")
    targets = () if settings.target in (None, NO_TARGET) else examples.meant(str(settings.target))
    named = [*(("--target", name) for name in targets), ("--group", settings.group), ("--time", settings.time)]
    for option, one in named:
        if one is not None:
            refuse_unknown_field(one, known, where=f"{option} {one}")


def roles_of(examples: Examples, settings: DataSettings) -> dict[str, Role]:
    """The role of every column."""
    said: dict[str, Role] = {name: word for name, word in settings.fields.items() if is_role(word)}  # type: ignore[misc]
    said |= dict.fromkeys(settings.ignore, "ignored")
    if settings.group is not None:
        said[settings.group] = "group"
    if settings.time is not None:
        said[settings.time] = "time"
    targets = _targets(examples, settings, said)
    roles: dict[str, Role] = {name: examples.roles.get(name, "input") for name in examples.columns}
    roles = {name: "input" if role == "target" else role for name, role in roles.items()}
    return roles | said | dict.fromkeys(targets, "target")


def _targets(examples: Examples, settings: DataSettings, said: Mapping[str, Role]) -> list[str]:
    """What is to be predicted: named by the user, else by the source, else by a usual name, else the last column."""
    if settings.target == NO_TARGET and NO_TARGET not in examples.columns:
        return []
    if settings.target is not None:
        return list(examples.meant(settings.target))
    named = [name for name, role in said.items() if role == "target"]
    known = [name for name, role in examples.roles.items() if role == "target" and name not in said]
    if named or known:
        return named or known
    free = [name for name in examples.columns if said.get(name) is None and name not in examples.roles]
    if not free or len(examples.columns) == 1:
        return []
    folded = {name.casefold(): name for name in free}
    last = next((name for name in reversed(free) if _may_be_target(name, examples.columns[name])), free[-1])
    return [next((folded[name] for name in TARGET_NAMES if name in folded), last)]


def _may_be_target(name: str, column: Column) -> bool:
    """The column is neither empty, made of steps or other parts, prose, sequences of letters, moments, pictures nor ids."""
    look = Look(name, column)
    if look.shape or any(isinstance(one, np.ndarray) for one in look.sample[:1]):
        return False
    moments = isinstance(look.column, np.ndarray) and look.column.dtype.kind == "M"
    pictures = look.all_are(str) and all(str(value).casefold().endswith(SUFFIXES) for value in look.sample)
    told = moments or pictures or look.files or look.legible or names_rows(look) or look.unix_seconds
    return not (told or missing(look.column).all())


def reason_for_target(examples: Examples, settings: DataSettings) -> str:
    """Why the target is what it is, where nobody said it: its name, or its place."""
    said = {name for name, word in settings.fields.items() if word == "target"}
    if settings.target is not None or said or "target" in examples.roles.values():
        return ""
    name = next(name for name, role in roles_of(examples, settings).items() if role == "target")
    usual = bool({name.casefold()} & set(TARGET_NAMES))
    last = list(examples.columns)[-1] == name
    return ", by its name" if usual else ", the last column" if last else ", the last column that can be one"
