"""Encode: raw examples become tensors by encodings fitted on the training rows; at prediction, columns by encodings at hand."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.errors import DataRefusal
from thalweg.data._cached import for_disk, on_disk, told
from thalweg.data._given_split import given_by_column
from thalweg.data._mapped import Mapped, in_memory, taken
from thalweg.data._one_series import refuse_lone_series, said_neighbours
from thalweg.data._spelled import read_as_before, spelled
from thalweg.data.batches import Store
from thalweg.data.columns import checked_columns, checked_names, checked_rows, columns_for, refuse_dressed, without
from thalweg.data.dataset import PARTS, Examples, StoredDataset
from thalweg.data.schema import Schema, reason_for_target, roles_of, schema_of
from thalweg.data.settings import Caching, DataSettings
from thalweg.data.splits import split
from thalweg.fields.column import Column, plain
from thalweg.fields.encoding import BadRows, Encoding, Encodings
from thalweg.fields.inference import refuse_unknown_field
from thalweg.fields.ragged import Ragged

Only = Mapping[str, Sequence[Any]] | Sequence[Any]
"""Field to the values that are kept, or a list of values of the target."""
Encoded = Tensor | Ragged | Mapped
"""What an encoding makes of all rows: in memory, or in a file."""


def encode(
    examples: Examples,
    settings: DataSettings,
    *,
    seed: int,
    only: Only | None = None,
    before: Encodings | None = None,
) -> StoredDataset:
    """Examples as tensors, split into parts; encodings see the training rows only.

    Args:
        only: the values that a row must have to be kept, by field, or a list of those of the target; parts are cut before, so
            they agree between stages.
        before: encodings of an earlier stage, which take up new values after those they know instead of being fitted anew.

    Raises:
        DataRefusal: the data cannot be used as they are; all problems of a kind at once.
        UsageRefusal: the settings name what is not there.
    """
    notes = [*examples.notes, *checked_names(list(examples.columns))]
    examples = dataclasses.replace(examples, columns=_checked(examples, settings), notes=notes, facts=dict(examples.facts))
    said = len(examples.notes)
    examples = given_by_column(examples, settings)
    examples.facts["given"] = sorted(examples.given)
    if before is None:
        examples, schema, encodings = _inferred(examples, settings)
    else:
        schema, encodings = Schema(()), Encodings.from_json(before.as_json())
        examples = read_as_before(examples, {name: one for each in before.values() for name, one in each.spellings.items()})
    examples = checked_rows(examples, encodings, settings)
    while True:
        try:
            kept = _kept(examples, _split(examples, encodings, settings, seed=seed), _by_field(only or {}, encodings, examples))
            fitted = _fitted(kept, encodings, settings, extending=before is not None)
            tensors = _tensors(fitted, kept.columns, settings.cache)
            break
        except BadRows as bad:
            examples = _without_bad(examples, bad, settings)
    first, *further = _notes(kept, schema, fitted, settings, seed=seed)
    store = Store(tensors, fitted)
    notes = [*kept.notes[:said], first, *kept.notes[said:], *further, *told(store.mapped)]
    described = dataclasses.replace(kept, notes=notes)
    return StoredDataset(described, store, kept.given, _digest(tensors, kept.given))


def _checked(examples: Examples, settings: DataSettings) -> dict[str, Column]:
    """The columns, looked at as far as they are not to be left out."""
    wanted = {name: column for name, column in examples.columns.items() if name not in settings.ignore}
    return {**examples.columns, **checked_columns(wanted or examples.columns)}


def _inferred(examples: Examples, settings: DataSettings) -> tuple[Examples, Schema, Encodings]:
    """The examples with text as what it means, the kind and role of each field, and encodings that are not yet fitted."""
    raw = examples.columns
    examples, spellings = spelled(examples, settings)
    roles = roles_of(examples, settings)
    refuse_lone_series(examples, roles, settings)
    schema = schema_of(examples, settings)
    schema = dataclasses.replace(schema, notes=(*schema.notes, *filter(None, [said_neighbours(examples, roles, settings)])))
    targets = [field.name for field in schema.fields if field.role == "target"]
    dressed, mixed, _ = (examples.facts.pop(fact) for fact in ("dressed", "mixed", "plain"))
    refuse_dressed({name: raw[name] for name in targets if name in dressed and not settings.parse_numbers}, dressed)
    encodings = schema.encodings()
    for one in encodings.values():
        one.spellings = {name: spellings[name] for name in one.fields if name in spellings}
    ids = [field.name for field in schema.fields if field.role == "id"]
    groups = [field.name for field in schema.fields if field.role == "group"][:1]
    facts = {**examples.facts, **({"ids": ids} if ids else {}), **({"group": groups[0]} if groups else {})}
    notes = [*examples.notes, *(mixed[field.name] for field in schema.fields if field.kind and field.name in mixed)]
    return dataclasses.replace(examples, facts=facts, notes=notes), schema, encodings


def encode_columns(encodings: Encodings, columns: Mapping[str, Column]) -> Store:
    """Columns as tensors, by encodings at hand: what a model reads, and targets where they are given.

    Fields are found by name, so their order does not matter; further ones are left aside.

    Raises:
        DataRefusal: inputs are missing or cannot be encoded.
    """
    needed = [one for one in encodings.values() if one.role == "input" or all(name in columns for name in one.fields)]
    named = checked_columns(columns_for(needed, columns))
    for one in needed:
        one.check(_columns(one, named))
    return Store(_tensors(Encodings(needed), named, "never"), encodings)


def encode_examples(encodings: Encodings, examples: Examples, settings: DataSettings) -> tuple[Examples, Store]:
    """Examples by encodings at hand, and those that are left: files that cannot be read are left out where few are so.

    Raises:
        DataRefusal: inputs are missing or cannot be encoded.
    """
    while True:
        try:
            return examples, encode_columns(encodings, examples.columns)
        except BadRows as bad:
            examples = _without_bad(examples, bad, settings)


def remarks(encodings: Encodings, columns: Mapping[str, Column]) -> list[str]:
    """Sentences on values of the inputs that encoding takes for something else: gaps, categories never seen."""
    return [remark for one in encodings.inputs for remark in one.remarks(_columns(one, columns))]


def _split(examples: Examples, encodings: Encodings, settings: DataSettings, *, seed: int) -> dict[str, Tensor]:
    targets = encodings.of_role("target")
    strata = targets[0].strata(_columns(targets[0], examples.columns)) if len(targets) == 1 else None
    return split(examples, settings, seed=seed, strata=strata)


def _by_field(only: Only, encodings: Encodings, examples: Examples) -> Mapping[str, Sequence[Any]]:
    """The values asked for by field; a list of values is meant for the target."""
    by_field = only if isinstance(only, Mapping) else {encodings.target.fields[0]: only}
    for name in by_field:
        refuse_unknown_field(name, list(examples.columns), where=f"stages, only {name}")
    return by_field


def _kept(examples: Examples, parts: Mapping[str, Tensor], only: Mapping[str, Sequence[Any]]) -> Examples:
    """The examples whose fields have one of the values asked for, with their parts; all of them where nothing is asked.

    Raises:
        DataRefusal: a part would be left without rows.
    """
    examples = dataclasses.replace(examples, given=dict(parts))
    keep = np.ones(len(examples), dtype=bool)
    for name, values in only.items():
        wanted = {plain(value) for value in values} | {str(value) for value in values}
        keep &= np.fromiter((plain(one) in wanted or str(one) in wanted for one in examples.columns[name]), bool, len(examples))
    kept = examples if keep.all() else without(examples, np.flatnonzero(~keep))
    empty = [part for part in PARTS if not len(kept.given[part])]
    if empty:
        counts = ", ".join(f"{part} {len(parts[part]):,} before, {len(kept.given[part]):,} after" for part in PARTS)
        raise DataRefusal(
            "DATA_EMPTY_PART",
            f"no row is left in {' and '.join(empty)}",
            where=counts + (f"; kept where {only}" if only else ""),
            why="what is not there can be neither learned nor judged",
            fix="give that part rows, or leave the given split out so that one is cut",
        )
    return kept


def _fitted(examples: Examples, encodings: Encodings, settings: DataSettings, *, extending: bool) -> Encodings:
    """The encodings fitted on (or extended by) the training rows; classes that only other parts have stand after the others."""
    train = {name: taken(column, examples.given["train"]) for name, column in examples.columns.items()}
    fitted = []
    for one in encodings.values():
        seen = _columns(one, train)
        fitted.append(one.extend(seen) if extending else one.heed(settings.model_dump()).fit(seen))
        if one.role == "target":
            one.extend(_columns(one, examples.columns))
    return Encodings(fitted)


def _columns(encoding: Encoding, columns: Mapping[str, Column]) -> list[Column]:
    return [columns[name] for name in encoding.fields]


def _tensors(encodings: Encodings, columns: Mapping[str, Column], cache: Caching) -> dict[str, Encoded]:
    """Every encoding's tensor, in memory or in a file.

    Raises:
        BadRows: those of the first encoding that has any.
    """
    mapped = for_disk(encodings, columns, cache)
    tensors: dict[str, Encoded] = {}
    for name, one in encodings.items():
        raw = _columns(one, columns)
        tensors[name] = on_disk(one, raw, mapped[name]) if name in mapped else one.encode([in_memory(each) for each in raw])
    return tensors


def _without_bad(examples: Examples, bad: BadRows, settings: DataSettings) -> Examples:
    """The examples without rows that cannot be read, where so few may be left out; otherwise the refusal is raised."""
    if settings.on_bad_file == "refuse" or len(bad.reasons) > bad.tolerated * bad.rows:
        raise bad
    left_out = [{"row": row, "field": bad.field, "reason": reason} for row, reason in bad.reasons.items()]
    shown = "; ".join(f"row {row:,}: {reason}" for row, reason in list(bad.reasons.items())[:5])
    more = f"; and {len(left_out) - 5:,} more" if len(left_out) > 5 else ""
    note = f"{len(left_out):,} of {bad.rows:,} left out, they cannot be read: {shown}{more} (--on-bad-file refuse to stop)"
    facts = {**examples.facts, "bad_files": [*examples.facts.get("bad_files", []), *left_out]}
    kept = without(examples, np.asarray(list(bad.reasons)))
    return dataclasses.replace(kept, facts=facts, notes=[*kept.notes, note])


def _notes(examples: Examples, schema: Schema, encodings: Encodings, settings: DataSettings, *, seed: int) -> list[str]:
    """Sentences for the first lines of a run: inputs and target, what was inferred, how rows were cut."""
    counts: dict[str, int] = {}
    for one in encodings.inputs:
        counts[one.kind] = counts.get(one.kind, 0) + len(one.fields)
    kinds = ", ".join(f"{n:,} {kind if n == 1 else registry.facts('kind', kind)['plural']}" for kind, n in counts.items())
    goals = [f"{one.name} ({one.summary(_columns(one, examples.columns))})" for one in encodings.of_role("target")]
    total = sum(counts.values())
    inputs = f"{total:,} input{'' if total == 1 else 's'}"
    first = (
        f"{inputs} → {' and '.join(goals)}{reason_for_target(examples, settings)}; another target: --target NAME"
        if goals
        else f"{inputs}, no target (--target NAME)"
    )
    manner = _manner(examples.facts["given"], settings, encodings, seed=seed)
    parts = " · ".join(f"{len(examples.given[part]):,} {part}" for part in PARTS)
    fitted = [note for one in encodings.values() for note in one.notes]
    found = [f"{one} (--ignore NAME leaves a field out)" for one in remarks(encodings, examples.columns)]
    return [first, "; ".join([kinds, *schema.notes, *fitted, *found]), f"parts: {parts} ({manner})"]


def _manner(given: Sequence[str], settings: DataSettings, encodings: Encodings, *, seed: int) -> str:
    """How rows were cut into parts, but for those that came with the data."""
    came = [part for part in PARTS[1:] if part in given]
    if len(came) == len(PARTS) - 1:
        return "as given"
    cut = _cut_manner(settings, encodings, seed=seed)
    return f"{' and '.join(came)} as given, the rest {cut}" if came else cut


def _cut_manner(settings: DataSettings, encodings: Encodings, *, seed: int) -> str:
    if settings.time is not None:
        return f"by time, {settings.time}"
    if settings.group is not None:
        return f"whole groups of {settings.group}, seed {seed}"
    classes = any(one.port.size is not None for one in encodings.of_role("target"))
    return f"{'stratified' if settings.stratified and classes else 'at random'}, seed {seed}; other shares: --split"


def _digest(fields: Mapping[str, Encoded], parts: Mapping[str, Tensor]) -> str:
    """SHA-256 of all encoded values and the split."""
    sha = hashlib.sha256()
    for name, stored in sorted(fields.items()):
        if isinstance(stored, Mapped):
            _add_blocks(sha, name, stored)
            continue
        tensors = [stored.values, stored.offsets, stored.table] if isinstance(stored, Ragged) else [stored]
        for tensor in tensors:
            if tensor is not None:
                _add(sha, name, tensor)
    for part in PARTS:
        _add(sha, part, parts[part])
    return sha.hexdigest()


def _add_blocks(sha: Any, name: str, mapped: Mapped) -> None:
    sha.update(_header(name, mapped.values))
    for block in mapped.blocks():
        sha.update(block)


def _header(name: str, tensor: Tensor) -> bytes:
    return f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode()


def _add(sha: Any, name: str, tensor: Tensor) -> None:
    sha.update(_header(name, tensor))
    sha.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().data)
