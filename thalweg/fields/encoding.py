"""Encodings: what turns raw values into tensors and back; fitted on the training part only, saved with the model.

An encoding makes one tensor of a batch. Kinds whose fields belong together (the numbers of a table) make one tensor of several.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, Self

from torch import Tensor

from thalweg.core import registry
from thalweg.core.errors import DataRefusal, PackageRefusal, did_you_mean
from thalweg.fields.column import Column, Look
from thalweg.fields.ports import Port
from thalweg.fields.ragged import Ragged
from thalweg.fields.restored import unreadable_encoding
from thalweg.fields.spelling import Spelling
from thalweg.fields.straight import Straight

Role = Literal["input", "target", "group", "weight", "time", "id", "ignored"]


class Claim(NamedTuple):
    """A kind's claim that a column is of it: how sure, from 0 to 1, and why, in words that end with what corrects it."""

    sureness: float
    sentence: str


class BadRows(DataRefusal):
    """Rows with values that cannot be encoded: all of them at once, the first five named.

    Args:
        reasons: row number to what is wrong there.
        rows: how many rows there are.
        tolerated: share of the rows that may be left out instead.
    """

    def __init__(
        self, code: str, reasons: Mapping[int, str], *, field: str, rows: int, why: str, fix: str, tolerated: float = 0.0
    ) -> None:
        self.reasons, self.field, self.rows, self.tolerated = dict(reasons), field, rows, tolerated
        shown = "; ".join(f"row {row:,}: {reason}" for row, reason in list(reasons.items())[:5])
        rest = f"; and {len(reasons) - 5:,} more" if len(reasons) > 5 else ""
        super().__init__(
            code,
            f'{len(reasons):,} of {rows:,} values of "{field}" cannot be used: {shown}{rest}',
            where=f"field {field}, rows counted from 0",
            why=why,
            fix=fix,
            details={"field": field, "count": len(reasons), "rows": dict(list(reasons.items())[:1000])},
        )


class Encoding(ABC):
    """One tensor of a batch, made of one or more fields of one kind.

    Attributes:
        name: the tensor's name in a batch, and the port's.
        fields: names of the raw columns that it is made of.
        role: what the fields are for.
        spellings: by field, how its values are written where they are text.
    """

    grouped: ClassVar[bool] = False
    """Fields of this kind with role input share one tensor, named by the kind's fact `plural`."""
    beside: ClassVar[str | None] = None
    """Input fields of that kind are read along with this one, after it (boxes need their picture's size)."""
    written: ClassVar[str] = "text"
    """What the text of such a field means: a key of `READERS` in `fields/spelling.py`."""

    def __init__(self, name: str, fields: Sequence[str], role: Role = "input") -> None:
        self.name, self.fields, self.role = name, tuple(fields), role
        self.spellings: dict[str, Spelling] = {}

    @property
    def kind(self) -> str:
        """The registered name of this kind."""
        return self.declaration.name  # type: ignore[attr-defined]

    @classmethod
    def recognise(cls, look: Look) -> Claim | None:
        """How sure this kind is that a column is of it; None: it is not."""
        return None

    @classmethod
    @abstractmethod
    def example(cls) -> list[Column]:
        """A few rows of raw columns, for contracts and documentation."""

    def heed(self, wishes: Mapping[str, Any]) -> Self:
        """Take from the user's data settings what concerns this kind (`image_size`); called before `fit`."""
        return self

    def check(self, columns: Sequence[Column]) -> None:
        """Look whether all rows are of this kind at all; `fit` and `encode` rely on it.

        Raises:
            BadRows: those that are not.
            DataRefusal: the column as a whole is not.
        """

    @abstractmethod
    def fit(self, columns: Sequence[Column]) -> Self:
        """Learn what encoding needs (scale, vocabulary, size) from the training rows; returns itself."""

    @abstractmethod
    def encode(self, columns: Sequence[Column]) -> Tensor | Ragged:
        """The tensor of all rows (N, ...), compact (uint8 images, int64 codes, float32 numbers).

        Raises:
            BadRows: values that cannot be encoded, all of them at once.
        """

    def straight(self, columns: Sequence[Column]) -> Straight | None:
        """Checked columns whose rows can be read some at a time, as `finish` has them or to be scaled so; None: they cannot."""
        return None

    @abstractmethod
    def decode(self, tensor: Tensor) -> Column:
        """Raw values of encoded ones (B, ...), for people and files."""

    @property
    @abstractmethod
    def port(self) -> Port:
        """The port that a model reads or gives this through."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What was fitted, as JSON values; `restore` takes it."""

    def encoded_by(self) -> dict[str, Any]:
        """Of the state, what the values of `encode` depend on: where it is the same, values that were kept are taken again."""
        return self.state()

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take back what `state` gave; returns itself.

        Raises:
            PackageRefusal: the state does not describe this kind.
        """

    def extend(self, columns: Sequence[Column]) -> Self:
        """Take up new values (classes, words) after those known; codes given before keep their meaning."""
        return self

    def strata(self, columns: Sequence[Column]) -> Column | None:
        """(N,) the class of each row, by which parts are balanced when this is the target; None: there are no classes."""
        return None

    @property
    def balance(self) -> list[int] | None:
        """Of a target with classes, in how many training rows each stands; None: there are no classes."""
        return None

    def summary(self, columns: Sequence[Column]) -> str:
        """What the raw columns hold, in a few words ("3 classes", "numbers from 0 to 9")."""
        return self.kind

    def remarks(self, columns: Sequence[Column]) -> list[str]:
        """Sentences on values that encoding takes for something else: gaps, categories never seen."""
        return []

    def unseen(self, columns: Sequence[Column]) -> dict[str, list[Any]]:
        """By field, the raw values of all rows that training never saw, in order of rows; gaps are none of them."""
        return {}

    def unreadable(self, columns: Sequence[Column]) -> dict[str, dict[int, str]]:
        """By field, the rows whose text no value can be made of, and that text, of kinds in which a gap can stand for it."""
        return {}

    @property
    def notes(self) -> list[str]:
        """Sentences on what fitting chose, each with the option that changes it."""
        return []

    @property
    def harmless(self) -> Sequence[str]:
        """Names of augmentations of such an input that leave classes what they are, as far as can be told from its form."""
        return ()

    def loosen(self, tensor: Tensor) -> Tensor:
        """Gathered values in the form that augmentations act on (images as floats in [0, 1])."""
        return tensor

    def finish(self, tensor: Tensor) -> Tensor:
        """Gathered, perhaps augmented values in the form that models read (standardised floats)."""
        return tensor


class Encodings(Mapping[str, Encoding]):
    """The encodings of a dataset by name, in the order of its fields."""

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self._by_name = {encoding.name: encoding for encoding in encodings}
        assert len(self._by_name) == len(encodings), "two encodings share a name"

    def __getitem__(self, name: str) -> Encoding:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def of_role(self, role: Role) -> list[Encoding]:
        """The encodings with a role, in order."""
        return [encoding for encoding in self.values() if encoding.role == role]

    @property
    def inputs(self) -> list[Encoding]:
        """What a model reads."""
        return self.of_role("input")

    @property
    def input(self) -> Encoding:
        """The only field that is no target: what is made, reconstructed or recalled.

        Raises:
            DataRefusal: the data has none, or more than one.
        """
        if len(self.inputs) != 1:
            raise DataRefusal(
                "DATA_MANY_INPUTS" if self.inputs else "DATA_NO_INPUT",
                f"this task is about one field, the data has {len(self.inputs)}",
                where=", ".join(f"{encoding.name} ({encoding.kind})" for encoding in self.inputs)
                or "fields: " + ", ".join(self),
                why="it must be clear what is to be learned",
                fix="leave the others out: --ignore NAME",
            )
        return self.inputs[0]

    @property
    def target(self) -> Encoding:
        """What is to be predicted.

        Raises:
            DataRefusal: the data has no target, or more than one.
        """
        targets = self.of_role("target")
        if len(targets) != 1:
            raise DataRefusal(
                "DATA_NO_TARGET" if not targets else "DATA_MANY_TARGETS",
                f"this task predicts one field, the data has {len(targets)} targets",
                where=", ".join(encoding.name for encoding in targets) or "fields: " + ", ".join(self),
                why="there must be one thing to learn",
                fix="name it: --target NAME",
            )
        return targets[0]

    def as_json(self) -> list[dict[str, Any]]:
        """All encodings as JSON values; `from_json` takes them."""
        return [_described(one) for one in self.values()]

    @staticmethod
    def from_json(rows: Sequence[Mapping[str, Any]]) -> "Encodings":
        """The encodings that `as_json` described.

        Raises:
            PackageRefusal: a kind is not known here, or a row is not whole.
        """
        return Encodings([_restored(row) for row in rows])


def _described(one: Encoding) -> dict[str, Any]:
    row = {"name": one.name, "kind": one.kind, "role": one.role, "fields": list(one.fields), "state": one.state()}
    spellings = {field: spelling.state() for field, spelling in one.spellings.items()}
    return row | ({"spellings": spellings} if spellings else {})


def _spellings(row: Mapping[str, Any]) -> dict[str, Spelling]:
    given = row.get("spellings", {})
    if not isinstance(given, Mapping) or not set(given) <= set(row["fields"]):
        raise unreadable_encoding("an encoding cannot be read: its spellings are not those of its fields", str(row.get("name")))
    return {field: Spelling.restored(state, where=f"encoding {row['name']}") for field, state in given.items()}


def _restored(row: Mapping[str, Any]) -> Encoding:
    wanted = {"name": str, "kind": str, "role": str, "fields": list, "state": Mapping}
    wrong = [key for key, kind in wanted.items() if not isinstance(row.get(key), kind)]
    wrong += [key for key in row if key not in wanted and key != "spellings"]
    if wrong or not all(isinstance(name, str) for name in row["fields"]):
        raise unreadable_encoding(
            f"an encoding cannot be read: it lacks, or should not have, {', '.join(wrong) or 'names of fields'}",
            str(row.get("name")),
        )
    name, kind, role, fields, state = (row[key] for key in wanted)
    if kind not in registry.names("kind"):
        raise PackageRefusal(
            "PACKAGE_UNKNOWN_KIND",
            f'the package names the kind "{kind}", which is not known here; {did_you_mean(kind, registry.names("kind"))}',
            where=f"package.json, encoding {name}",
            why="its values could not be turned into tensors",
            fix="install the version or plug-in that has it: thalweg list kinds",
        )
    encoding: Encoding = registry.load("kind", kind)(name, fields, role)
    encoding.spellings = _spellings(row)
    try:
        return encoding.restore(state)
    except PackageRefusal:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise unreadable_encoding(
            f"an encoding cannot be read: its state is not that of the kind {kind}: {error}", name
        ) from None
