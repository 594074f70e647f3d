"""Columns before they are encoded: of one length, without strange objects, with targets that can be learned."""

import dataclasses
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, nearest
from thalweg.core.printable import typed
from thalweg.data._other_kinds import refuse_other_kinds
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column, Look, as_column, coded, missing, plain, take
from thalweg.fields.encoding import Encoding, Encodings

MOST_FIELDS = 100_000
WRITTEN_NUMBER = re.compile(r"^\s*[-+]?[$€£]?\s?\d[\d.,' ]*\s?[%$€£]?\s*$")


def checked_names(names: Sequence[str]) -> list[str]:
    """Sentences on fields whose names are easily taken for each other.

    Raises:
        DataRefusal: a name is empty, or there are more fields than are told apart by name.
    """
    if len(names) > MOST_FIELDS:
        raise DataRefusal(
            "DATA_TOO_MANY_FIELDS",
            f"the data have {len(names):,} fields; at most {MOST_FIELDS:,} are looked at one by one",
            where=f"fields {', '.join(names[:3])}, ...",
            why="kind, scale and gaps of each are looked at by itself",
            fix="give them as one field of vectors: an array (rows, values) with --field NAME=vector",
        )
    blank = [place for place, name in enumerate(names) if not name.strip()]
    if blank:
        shown = ", ".join(str(place + 1) for place in blank[:5]) + (f" and {len(blank) - 5} more" if len(blank) > 5 else "")
        raise DataRefusal(
            "DATA_COLUMN_NAME",
            f"{len(blank)} of {len(names)} fields have an empty name",
            where=f"field {shown}, counted from 1",
            why="fields are spoken of by name",
            fix="name them, or leave them out",
            details={"places": blank},
        )
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    pairs = [" and ".join(map(repr, group)) for group in alike.values() if len(group) > 1]
    more = f" and {len(pairs) - 5} more" if len(pairs) > 5 else ""
    return [f"names that differ in case, spaces or spelling of accents alone: {'; '.join(pairs[:5])}{more}"] if pairs else []


def checked_columns(columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns as arrays and lists of one length.

    Raises:
        DataRefusal: there are no rows, lengths differ, or cells hold objects that are no data.
    """
    ready = {name: as_column(column) for name, column in columns.items()}
    lengths = {name: len(column) for name, column in ready.items()}
    if not lengths or max(lengths.values()) == 0:
        raise DataRefusal(
            "DATA_NO_ROWS",
            "the data have 0 rows",
            where=f"fields: {', '.join(lengths) or 'none'}",
            why="there is nothing to learn from or to predict for",
            fix="give at least one row to predict for, a hundred and more to learn from",
        )
    if len(set(lengths.values())) > 1:
        raise DataRefusal(
            "DATA_LENGTHS_DIFFER",
            "fields differ in length: " + ", ".join(f"{name} {length:,}" for name, length in list(lengths.items())[:8]),
            where="fields",
            why="each row must have a value of each field",
            fix="cut or fill them to one length",
            details={"lengths": lengths},
        )
    _refuse_objects(ready)
    return ready


def _refuse_objects(columns: Mapping[str, Column]) -> None:
    odd = {
        name: type(value).__name__
        for name, column in columns.items()
        if isinstance(column, list)
        for value in column[:: max(1, len(column) // 100)]
        if isinstance(value, dict | set | bytes) or callable(value)
    }
    if odd:
        raise DataRefusal(
            "DATA_OBJECTS",
            "fields contain Python objects: " + ", ".join(f"{name} ({kind})" for name, kind in list(odd.items())[:5]),
            where="fields " + ", ".join(odd),
            why="only numbers, text, and sequences of them can be encoded",
            fix="flatten them into fields of their own, or " + " ".join(typed("ignore", name) for name in odd),
        )


def columns_for(encodings: Sequence[Encoding], columns: Mapping[str, Column]) -> dict[str, Column]:
    """The columns that encodings read, text in them as what it meant in training.

    Raises:
        DataRefusal: some are not there; the nearest name is given for each.
    """
    refuse_absent(encodings, columns)
    names = list(dict.fromkeys(name for one in encodings for name in one.fields))
    spellings = {name: spelling for one in encodings for name, spelling in one.spellings.items()}
    return {name: spellings[name].read(as_column(columns[name])) if name in spellings else columns[name] for name in names}


def refuse_absent(encodings: Sequence[Encoding], columns: Mapping[str, Column]) -> None:
    """Raise a DataRefusal where columns that encodings read are not there; the nearest name is given for each."""
    names = list(dict.fromkeys(name for one in encodings for name in one.fields))
    absent = [name for name in names if name not in columns]
    if absent:
        refuse_other_kinds(encodings, columns)
        spare = [name for name in columns if name not in names]
        kinds = {name: registry.facts("kind", one.kind)["plural"] for one in encodings for name in one.fields}
        shown = "; ".join(f'"{name}" ({kinds[name]}{_meant(name, spare)})' for name in absent[:5])
        raise DataRefusal(
            "DATA_FIELDS_MISSING",
            f"{len(absent)} of {len(names)} fields that the model reads are not there: {shown}"
            + (f"; and {len(absent) - 5} more" if len(absent) > 5 else ""),
            where=f"fields given: {', '.join(list(columns)[:12])}{' ...' if len(columns) > 12 else ''}",
            why="the model was trained with them",
            fix="add or rename them",
            details={"missing": absent},
        )


def _meant(name: str, spare: Sequence[str]) -> str:
    close = nearest(name, spare, count=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def without(examples: Examples, rows: np.ndarray) -> Examples:
    """The examples without some rows; the rows of given parts are counted anew."""
    keep = np.ones(len(examples), dtype=bool)
    keep[rows] = False
    places = torch.from_numpy(np.cumsum(keep) - 1)
    chosen = np.flatnonzero(keep)
    given = {part: places[old[torch.from_numpy(keep)[old]]] for part, old in examples.given.items()}
    columns = {name: take(column, chosen) for name, column in examples.columns.items()}
    together = None if examples.together is None else examples.together[chosen]
    return dataclasses.replace(examples, columns=columns, given=given, together=together)


def checked_rows(examples: Examples, encodings: Encodings, settings: DataSettings) -> Examples:
    """The examples, each of the kinds it is to be and with a target; rows without one left out where the user said so.

    Raises:
        DataRefusal: rows are not of their kind; targets are missing, constant, different in nearly every row, or numbers
            written as text.
    """
    refuse_absent(list(encodings.values()), examples.columns)
    targets = encodings.of_role("target")
    gone = _rows_without((examples.columns[one.fields[0]] for one in targets), len(examples))
    if len(gone) and not settings.drop_missing_target:
        raise _missing_target(targets[0].name, gone, len(examples))
    if len(gone):
        note = f"{len(gone):,} rows left out: they have no target (--drop-missing-target)"
        examples = dataclasses.replace(without(examples, gone), notes=[*examples.notes, note])
    for one in encodings.values():
        one.check([examples.columns[name] for name in one.fields])
    for one in targets:
        strata = one.strata([examples.columns[name] for name in one.fields])
        _refuse_constant(one.name, examples.columns[one.fields[0]])
        if strata is not None:
            _refuse_numbers_as_text(one.name, strata)
            _refuse_as_many_as_rows(one.name, strata)
    return examples


def _rows_without(columns: Iterable[Column], rows: int) -> np.ndarray:
    absent = np.zeros(rows, dtype=bool)
    for column in columns:
        absent |= missing(column)
    return np.flatnonzero(absent)


def _missing_target(name: str, gone: np.ndarray, rows: int) -> DataRefusal:
    shown = ", ".join(f"{row:,}" for row in gone[:5].tolist())
    return DataRefusal(
        "DATA_TARGET_MISSING",
        f'{len(gone):,} of {rows:,} rows have no value in the target "{name}"',
        where=f"rows {shown}{' ...' if len(gone) > 5 else ''}, counted from 0",
        why="what is not known cannot be learned",
        fix="fill them in, or leave these rows out: --drop-missing-target",
        details={"rows": gone[:1000].tolist(), "count": len(gone)},
    )


def _refuse_constant(name: str, column: Column) -> None:
    array = np.asarray(column) if isinstance(column, np.ndarray) else None
    same = (array == array[:1]).all() if array is not None else all(value == column[0] for value in column if _scalar(value))
    if same and len(column) > 1 and _scalar(column[0]):
        raise DataRefusal(
            "DATA_TARGET_CONSTANT",
            f'the target "{name}" is {plain(column[0])!r} in every row',
            where=f"field {name}",
            why="there is nothing to learn",
            fix="name another target: --target NAME",
        )


def _scalar(value: object) -> bool:
    return isinstance(value, str | bool | int | float | np.generic)


def refuse_dressed(columns: Mapping[str, Column], dressed: Mapping[str, Sequence[str]]) -> None:
    """Raise where numbers of a target stand among signs: whether 12% is 12 or 0.12 is for people to say.

    Args:
        columns: targets as they were read.
        dressed: some of their values with signs.
    """
    for name, column in columns.items():
        values = [str(value).strip() for value in column]
        shown = ", ".join(f'"{text}" (row {values.index(text)})' for text in dressed[name])
        as_classes = typed("field", name, "category")
        raise DataRefusal(
            "DATA_NUMBERS_AS_TEXT",
            f'the target "{name}" looks like numbers written as text: {shown}',
            where=f"field {name}, rows counted from 0",
            why="what is learned, and every figure in the report, depends on what they are read as",
            fix=f"read them without the signs (1,234.5 as 1234.5, 12% as 12): --parse-numbers; or {as_classes}",
        )


def _refuse_numbers_as_text(name: str, column: Column) -> None:
    found, codes = coded(column)
    words = [value for value in found if isinstance(value, str)]
    if len(words) <= 20 or sum(WRITTEN_NUMBER.match(word) is not None for word in words) < 0.9 * len(words):
        return
    rows = [int(np.flatnonzero(codes == i)[0]) for i in range(min(3, len(found)))]
    raise DataRefusal(
        "DATA_NUMBERS_AS_TEXT",
        f'the target "{name}" looks like numbers written as text: ' + ", ".join(f'"{column[row]}" (row {row})' for row in rows),
        where=f"field {name}",
        why=f"it would be learned as {len(found):,} unrelated classes",
        fix=f"write plain numbers (1234.5); or, if they are classes, merge them to fewer: {typed('field', name, 'category')}",
    )


def _refuse_as_many_as_rows(name: str, column: Column) -> None:
    found, codes = coded(column)
    if len(found) <= 20 or len(found) <= 0.5 * len(codes):
        return
    examples = ", ".join(str(value)[:40] for value in found[:3])
    if Look(name, column).legible:
        raise DataRefusal(
            "DATA_TARGET_TEXT",
            f'the target "{name}" is free text, {len(found):,} different ones in {len(codes):,} rows: {examples}',
            where=f"field {name}",
            why="to write texts is not built yet; a class is learned from several rows",
            fix="name another target: --target NAME",
        )
    raise DataRefusal(
        "DATA_TARGET_UNIQUE",
        f'the target "{name}" has {len(found):,} classes in {len(codes):,} rows',
        where=f"field {name}, for example {examples}",
        why="it looks like an id or a regression target: a class is learned from several rows",
        fix=f"{typed('field', name, 'number')}, or another target: --target NAME",
    )
