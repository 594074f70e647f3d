"""What is checked: columns as detectors see them, the parts that rows belong to, and how much may be looked at."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from thalweg.checks.looked import Looked
from thalweg.checks.seen import Seen
from thalweg.core import registry
from thalweg.core.position import Position
from thalweg.data._spelled import spelled
from thalweg.data.dataset import PARTS, Examples
from thalweg.data.schema import roles_of, schema_of
from thalweg.data.settings import DataSettings
from thalweg.fields.column import Column

TRAIN, TEST = PARTS.index("train"), PARTS.index("test")


@dataclass
class Subject:
    """The data that are checked.

    Attributes:
        fields: every column, by name.
        part: (N,) int8: place of each row's part among train, validation, calibration and test; -1 for rows of none.
        settings: what the user said of the data.
        quick: costly detectors look at a sample.
        old: the rows of the part `train` are those of an earlier run; only what the others differ in is of interest.
        looked: what was looked at in part only.
        facts: what the source knows beyond columns.
        kept: what detectors share, by name.
    """

    name: str
    fields: Mapping[str, Seen]
    part: np.ndarray
    settings: DataSettings
    quick: bool = False
    old: bool = False
    looked: list[Looked] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict, repr=False)

    @staticmethod
    def of(examples: Examples, settings: DataSettings, *, quick: bool = False, old: bool = False) -> "Subject":
        """Examples as detectors see them.

        Raises:
            Refusal: the settings name what is not there, or values are of no known kind.
        """
        raw = examples.columns
        examples, _ = spelled(examples, settings)  # text as what it means, as training will read it
        plain = {*examples.facts["plain"]} - {*(examples.facts.get("missing") or {})}
        raw = {name: column for name, column in raw.items() if name not in plain}
        roles = roles_of(examples, settings)
        schema = {one.name: one for one in schema_of(examples, settings).fields}
        fields = {}
        for name, column in examples.columns.items():
            kind, role = schema[name].kind, schema[name].role
            left_out = role == "ignored" and roles[name] == "input"
            fields[name] = Seen(name, column, kind, "id" if left_out else role, raw=raw.get(name))
        part = np.full(len(examples), -1, dtype=np.int8)
        for number, word in enumerate(PARTS):
            part[examples.given[word].numpy() if word in examples.given else []] = number
        if examples.given and "train" not in examples.given:
            part[part < 0] = TRAIN
        return Subject(examples.name, fields, part, settings, quick, old, facts=examples.facts)

    def __len__(self) -> int:
        return len(self.part)

    def first(self, count: int, written: Mapping[str, Column]) -> "Subject":
        """The first rows by themselves, in the kinds and roles that all of them have.

        Args:
            written: their columns as they were written.
        """
        fields = {
            name: Seen(name, one.column[:count], one.kind, one.role, raw=written.get(name)) for name, one in self.fields.items()
        }
        return dataclasses.replace(self, fields=fields, part=np.full(count, -1, dtype=np.int8), looked=[], kept={})

    @cached_property
    def split(self) -> bool:
        """A split came with the data."""
        return bool((self.part > TRAIN).any())

    @property
    def inputs(self) -> list[Seen]:
        """What a model will read."""
        return [one for one in self.fields.values() if one.role == "input" and one.kind is not None]

    @property
    def candidates(self) -> list[Seen]:
        """Plain columns that a model reads or would read if they were not left out as ids."""
        return [one for one in self.fields.values() if one.role in ("input", "id", "time", "group") and one.plain]

    @property
    def prose(self) -> list[Seen]:
        """Columns of texts in words; sequences of letters, which have no language, are none."""
        return [one for one in self.of_kinds(("text",)) if not one.look.alphabet]

    @property
    def cells(self) -> list[Seen]:
        """Plain columns that a model reads: numbers, categories, dates, texts."""
        return [one for one in self.inputs if one.plain]

    @property
    def short_cells(self) -> list[Seen]:
        """Plain columns that a model reads whose kind says that its values are short: no free text."""
        short = {name for name, part in registry.parts("sameness").items() if part.facts.get("short")}
        return [one for one in self.cells if one.kind in short]

    def numbers(self, least: int) -> list[Seen]:
        """Inputs of numbers with so many distinct values."""
        return [one for one in self.candidates if one.numeric and one.role == "input" and one.distinct >= least]

    def of_kinds(self, kinds: Iterable[str]) -> list[Seen]:
        """The inputs of some kinds."""
        wanted = set(kinds)
        return [one for one in self.inputs if one.kind in wanted]

    @cached_property
    def target(self) -> Seen | None:
        """What is to be predicted, where it is one plain column."""
        found = [one for one in self.fields.values() if one.role == "target"]
        return found[0] if len(found) == 1 and found[0].plain else None

    @cached_property
    def classes(self) -> Seen | None:
        """The target, where it is one of some classes."""
        one = self.target
        if one is None or one.kind is None:
            return None
        part = registry.load("kind", one.kind)(one.name, [one.name], "target")
        return one if part.strata([one.column]) is not None else None

    @cached_property
    def amounts(self) -> Seen | None:
        """The target, where it is a number."""
        one = self.target
        return one if one is not None and self.classes is None and one.numeric else None

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, made when it is first asked for and kept for all who ask by that name."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def sample(self, rows: Sequence[int] | np.ndarray, *, most: int, hurried: int, what: str) -> np.ndarray:
        """The rows to look at: all of them, or as many as may be, drawn from the same seed always and in order.

        Args:
            most: how many at most when there is time.
            hurried: how many at most ahead of a training.
            what: what is looked for, to say that it was looked for in some rows only.
        """
        rows = np.asarray(rows, dtype=np.int64)
        limit = hurried if self.quick else most
        if len(rows) <= limit:
            return rows
        self.looked.append(Looked(what, limit, len(rows)))
        seed = Position(path=("checks", what)).number("sample", by="run")
        return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))
