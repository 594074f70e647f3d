"""Packages: weights, encodings, task and card in one verified folder; loading runs none of its content.

Forms: `part` (a registered model and its settings), `external` (the user's own class, given again at load) and `baseline` (a
classical model as arrays).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from thalweg.core import registry
from thalweg.core.device import laid_out
from thalweg.core.errors import PackageRefusal, UsageRefusal, did_you_mean
from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.core.memory import keep_freed_memory
from thalweg.core.position import Position
from thalweg.core.settings import read_settings
from thalweg.core.strict_json import render_json
from thalweg.core.talk import Aloud, Talk
from thalweg.core.tensors import tensors_to_bytes
from thalweg.data.batch import Batch
from thalweg.data.parted import Parted
from thalweg.data.settings import OnBadFile
from thalweg.engine.answering_chain import AnsweringChain
from thalweg.fields.column import as_column, take
from thalweg.fields.encoding import Column, Encodings
from thalweg.packages.answering import Answer, Answered, one_by_one, side_by_side
from thalweg.packages.arranged import arranged
from thalweg.packages.blocks import Blocks, Supply, files_of, look_over
from thalweg.packages.by_rows import by_rows
from thalweg.packages.described import DESCRIPTION, Described, Named, described, mended_by_another_copy
from thalweg.packages.foreign import refuse_foreign
from thalweg.packages.weights import fill, tried
from thalweg.tasks._task import Model, Request, Task, restore_modes, set_evaluating

FORMAT = "thalweg.package"
VERSION = 1
WEIGHTS = "weights.safetensors"


@dataclass
class Package:
    """A model with all that is needed to use it: its task, its encodings and the card's facts.

    Attributes:
        form: `part`, `external` or `baseline`.
        named: the model part and its settings, or the class of an external model (for the eye only).
        source: the catalogued domain or environment that the task plays in, where it has one.
        facts: the card: what it was trained on, how well it did.
        shell: the rule that ships the model inside a module of its own, and the settings to build that again; None for most.
        notes: what needs care about the folder that it was read from (a file that everybody may write).
    """

    form: str
    named: Mapping[str, Any]
    task: Task
    model: nn.Module
    source: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    shell: Mapping[str, Any] | None = None

    @property
    def encodings(self) -> Encodings:
        """What turns raw values into tensors and back."""
        return self.task.encodings

    def example_request(self) -> dict[str, Any] | None:
        """A request that the task answers without any input, its first key at its default; None where it needs input."""
        if self.task.asked({}, Position()) is None:
            return None
        fields = list(self.task.asks.model_fields.items())
        return {name: field.default for name, field in fields[:1]}

    def predict(
        self,
        columns: Mapping[str, Column] | None = None,
        *,
        seed: int = 0,
        request: Mapping[str, Any] | None = None,
        batch_size: int | None = None,
        allow_unknown: bool = False,
        on_bad_file: OnBadFile = "skip",
        first: int = 0,
        talk: Talk | None = None,
    ) -> dict[str, Column]:
        """Predictions as raw values by name, a row for each example given; where these are files, `file` names them.

        Args:
            columns: raw input columns by field name, or an array of them in order; None
                where the request alone says what is wanted (samples, an episode).
            request: what is asked beyond the input; each task declares its own keys.
            batch_size: rows that the model sees at once; changes speed and memory, not the answers. None: by what they take.
            allow_unknown: answer also where most rows have values that training never saw.
            on_bad_file: what a file that cannot be read leads to, while few are so: its row is left out, or all is refused.
            first: rows that were given in calls before this one, of whole blocks: noise goes on from there.
            talk: hears what is left aside or taken for something else; without it they are Python's warnings.

        Raises:
            DataRefusal: an input column is missing or holds what cannot be encoded.
            UsageRefusal: the task does not know a key of the request, or needs input and has none.
        """
        if isinstance(columns, np.ndarray | list):
            columns = arranged(self.encodings, columns)
        keep_freed_memory()
        asked, at, talk = self.task.request(request or {}), Position(seed=seed), talk or Aloud()
        read = self.read
        if columns is None or not len(read):
            return self._answered(self._asked(request or {}, at), asked, talk)
        inputs = look_over(self.encodings, read, columns, allow_unknown=allow_unknown, talk=talk, ids=self.ids)
        files = files_of(read, inputs)
        skippable = files if on_bad_file == "skip" else ()
        blocks = Blocks(read, inputs, at, size=batch_size, like=self.like, skippable=skippable, first=first)
        whole = self._alone and not files and batch_size is None
        pieces = by_rows(self.task, self.model, read, inputs, self._answering(asked)) if whole else None
        answers = self._answered(iter(blocks), asked, talk, rows=blocks.rows) if pieces is None else _told(pieces, talk)
        _tell_left_out(blocks, talk)
        answers = _with_files(answers, next(iter(files.values())), blocks) if files else answers
        return _with_ids(answers, {name: columns[name] for name in self.ids if name in columns}, blocks)

    @property
    def ids(self) -> list[str]:
        """Fields that name rows: no inputs, but what answers are found again by."""
        said = self.facts.get("data")
        ids = said.get("ids", []) if isinstance(said, Mapping) else []
        return [name for name in ids if isinstance(name, str)] if isinstance(ids, list) else []

    def _answered(self, supply: Supply, asked: Request, talk: Talk, *, rows: int = 0) -> dict[str, Column]:
        """What the task says of all batches, as raw values."""
        return _told(list(self._pieces(supply, asked, rows)), talk)

    @property
    def _alone(self) -> bool:
        """The model computes on this machine's cores, is one of ours, and nothing is differentiated."""
        return self.form == "part" and self.like.device.type == "cpu" and not self.task.needs_gradients

    def _answering(self, asked: Request) -> Callable[[Model], Answer]:
        """What a batch is answered with, by a model."""

        parted = Parted("a prediction")

        def by(model: Model) -> Answer:
            def part(batch: Batch, at: Position) -> Answered:
                with torch.inference_mode(not self.task.needs_gradients), torch.set_grad_enabled(self.task.needs_gradients):
                    predicted = self.task.predict(model, batch, at, asked)
                    return self.task.decode(predicted), _not_a_number(predicted, batch)

            def answer(batch: Batch, at: Position) -> Answered:
                found = parted(partial(part, at=at), batch)
                return found[0] if len(found) == 1 else (_together(found), [row for _, lost in found for row in lost])

            return answer

        return by

    def _pieces(self, supply: Supply, asked: Request, rows: int) -> Iterator[Answered]:
        """What the task says of each batch; how many rows there are decides what is worth trying."""
        answer = self._answering(asked)((AnsweringChain.of(self.model) if self._alone else None) or self.model)
        modes = set_evaluating(self.model)
        try:
            if self._alone:
                yield from side_by_side(supply, answer, self.model, rows=rows)
            else:
                yield from one_by_one(supply, answer)
        finally:
            restore_modes(modes)

    @property
    def like(self) -> torch.Tensor:
        """A tensor where the model computes, in its type."""
        one = next(self.model.parameters(), torch.zeros(()))
        return torch.empty(0, dtype=one.dtype if one.is_floating_point() else torch.float32, device=one.device)

    def _asked(self, given: Mapping[str, Any], at: Position) -> Supply:
        batch = self.task.asked(given, at)
        if batch is None:
            wanted = ", ".join(name for one in self.encodings.inputs for name in one.fields)
            raise UsageRefusal(
                "PREDICT_NO_INPUT",
                "this model needs something to predict from",
                where=f"task {self.task.declaration.name}",  # type: ignore[attr-defined]
                why="its answer depends on its input",
                fix=f"give a file or columns with {wanted[:80]}: thalweg predict RUN INPUT",
            )
        like = self.like
        floats = {name: one.to(like.dtype) for name, one in batch.items() if one.is_floating_point()}
        return iter([(batch.having(floats).to(like.device), at.inside(0))])

    @property
    def read(self) -> Encodings:
        """The encodings of what the model predicts from, a target among them where it is a condition."""
        return Encodings([one for one in self.encodings.values() if one.name in self.task.reads])


def _told(found: Sequence[Answered], talk: Talk) -> dict[str, Column]:
    """The raw values of all batches together; rows whose answers are not a number are told."""
    _tell_lost([row for _, lost in found for row in lost], talk)
    return _together(found)


def _together(found: Sequence[Answered]) -> dict[str, Column]:
    """The raw values of several batches, or parts of one."""
    pieces = [piece for piece, _ in found]
    return {name: _joined([piece[name] for piece in pieces]) for name in pieces[0]}


def _not_a_number(predicted: Mapping[str, torch.Tensor], batch: Batch) -> list[int]:
    """The numbers of the rows in whose answers a value is NaN."""
    size = batch.size
    floats = [one for one in predicted.values() if one.is_floating_point() and one.dim() and len(one) == size and one.numel()]
    doubtful = [one.detach().isnan() for one in floats if one.detach().sum().isnan()]  # a sum passes on what is none
    wrong = [gone.reshape(size, -1).any(1).cpu() for gone in doubtful if gone.any()]
    numbers = batch.rows if batch.rows is not None else torch.arange(size) + batch.start
    return numbers[torch.stack(wrong).any(0)].tolist() if wrong else []


def _tell_lost(rows: Sequence[int], talk: Talk) -> None:
    if rows:
        shown = ", ".join(f"{row:,}" for row in rows[:5]) + (" ..." if len(rows) > 5 else "")
        talk.warn(f"{len(rows):,} answers are not a number: rows {shown}, counted from 0")


def _tell_left_out(blocks: Blocks, talk: Talk) -> None:
    if blocks.left_out:
        shown = "; ".join(list(blocks.left_out.values())[:5]) + (" ..." if len(blocks.left_out) > 5 else "")
        talk.warn(
            f"{len(blocks.left_out):,} of {blocks.rows:,} left out, they cannot be read: {shown} (--on-bad-file refuse to stop)"
        )


def _with_ids(answers: dict[str, Column], ids: Mapping[str, Column], blocks: Blocks) -> dict[str, Column]:
    """The answers after the ids of their rows, where the data have some and no answer is called so."""
    if not ids:
        return answers
    kept = [row for row in range(blocks.rows) if row not in blocks.left_out]
    named = {name: take(as_column(column), kept) for name, column in ids.items() if name not in answers}
    return {**named, **answers}


def _with_files(answers: dict[str, Column], files: Column, blocks: Blocks) -> dict[str, Column]:
    """The answers with the file of each row before them."""
    kept = [str(file) for row, file in enumerate(files) if row not in blocks.left_out]
    alike = all(len(column) == len(kept) for column in answers.values())
    return {"file": kept, **answers} if alike and "file" not in answers else answers


def _joined(pieces: Sequence[Column]) -> Column:
    if isinstance(pieces[0], np.ndarray) and len({piece.shape[1:] for piece in pieces if isinstance(piece, np.ndarray)}) == 1:
        return np.concatenate([np.asarray(piece) for piece in pieces])
    return [value for piece in pieces for value in piece]


def write_package(path: Path, package: Package, *, card: str) -> None:
    """Write a package folder, whole or not at all.

    Args:
        card: the README in Markdown.
    """
    task = package.task
    description = {
        "form": package.form,
        "model": package.named,
        "task": {"name": task.declaration.name, "settings": task.settings.model_dump(mode="json")},  # type: ignore[attr-defined]
        "encodings": task.encodings.as_json(),
        "source": package.source,
        "facts": package.facts,
        **({"shell": package.shell} if package.shell is not None else {}),
    }
    weights = {name: tensor for name, tensor in package.model.state_dict().items() if isinstance(tensor, torch.Tensor)}
    files = {
        WEIGHTS: tensors_to_bytes(weights),
        "package.json": render_json(description),
        "README.md": card.encode(),
    }
    write_folder(path, files, format=FORMAT, version=VERSION)


def load_package(path: Path | str, *, model: nn.Module | None = None, task: type[Task] | None = None) -> Package:
    """The package in a folder, verified; nothing in it is executed.

    Args:
        model: for packages of form `external`, an instance of the user's own class; its weights are replaced.
        task: likewise, where the task was the user's own.

    Raises:
        PackageRefusal: damaged, foreign or too new; names the file.
    """
    path = Path(path)
    refuse_foreign(path)
    folder = open_folder(path, format=FORMAT, newest=VERSION)
    where = str(path / DESCRIPTION)
    said = described(folder.json(DESCRIPTION), where=where)
    weights, weighed = folder.tensors(WEIGHTS), f"{path}/{WEIGHTS}"
    with mended_by_another_copy(where):
        encodings = Encodings.from_json(said.encodings)
        if said.form == "part":
            tried(lambda: _built(said, encodings, weights, model, task)[1], weights, where=f"{weighed}, by {DESCRIPTION}")
        built, module = _built(said, encodings, weights, model, task)
    fill(module, weights, where=weighed)
    laid_out(module)
    source = said.source.model_dump() if said.source is not None else None
    named = said.model.model_dump(by_alias=True, exclude_unset=True)
    shell = said.shell.model_dump() if said.shell is not None else None
    package = Package(said.form, named, built, module, source, said.facts, folder.manifest.notes, shell)
    if said.source is not None:
        _adopt(built, said.source)
    return package


def package_facts(path: Path) -> dict[str, Any]:
    """What a package says of itself, its digests verified; no weights are loaded and nothing is built.

    Raises:
        PackageRefusal: damaged, foreign or too new.
    """
    refuse_foreign(path)
    folder = open_folder(path, format=FORMAT, newest=VERSION)
    where = str(path / DESCRIPTION)
    said = described(folder.json(DESCRIPTION), where=where)
    with mended_by_another_copy(where):
        fields = {role: [one for one in said.encodings if one["role"] == role] for role in ("input", "target")}
        named = {role: ", ".join(f"{one['name']} ({one['kind']})" for one in found) for role, found in fields.items()}
    return {
        "form": said.form,
        "model": said.model.model_dump(by_alias=True, exclude_unset=True),
        "task": said.task.name,
        "inputs": named["input"],
        "targets": named["target"],
        "bytes": sum(entry.bytes for entry in folder.manifest.files.values()),
        "written by": f"thalweg {folder.manifest.written_by}",
    }


def _known(sort: str, name: str) -> None:
    if name not in registry.names(sort):
        raise PackageRefusal(
            f"PACKAGE_UNKNOWN_{sort.upper()}",
            f'the package names the {sort} "{name}", which is not known here; {did_you_mean(name, registry.names(sort))}',
            where=DESCRIPTION,
            why="only declared parts are ever built from a package",
            fix="install the version or plug-in that has it, or give your own class again",
        )


def _built(
    said: Described, encodings: Encodings, weights: Mapping[str, torch.Tensor], model: nn.Module | None, task: type[Task] | None
) -> tuple[Task, nn.Module]:
    """The task and the model that a package describes, its weights not yet filled in."""
    built = _task(said.task, encodings, task)
    module = _module(said, built, model, weights)
    built.bind(module)
    return built, _in_shell(module, said.shell) if said.shell is not None else module


def _task(described: Named, encodings: Encodings, own: type[Task] | None) -> Task:
    if own is None:
        _known("task", described.name)
    kind = own or registry.load("task", described.name)
    settings = read_settings(kind.declaration.settings, described.settings, where=f"task {described.name}")  # type: ignore[union-attr]
    task: Task = kind(encodings, settings)
    return task


def _in_shell(model: nn.Module, shell: Named) -> nn.Module:
    _known("rule", shell.name)
    settings = registry.settings_of("rule", shell.name, shell.settings)
    module: nn.Module = registry.load("rule", shell.name).in_shell(model, settings)
    return module


def _module(described: Described, task: Task, own: nn.Module | None, weights: Mapping[str, torch.Tensor]) -> nn.Module:
    named = described.model
    if described.form == "baseline":
        _known("baseline", named.name)
        with mended_by_another_copy(f"{WEIGHTS}, by {DESCRIPTION}"):
            classical: nn.Module = registry.load("baseline", named.name)().packaged(task, weights, named.settings)
        return classical
    if described.form == "external":
        if own is None:
            raise PackageRefusal(
                "PACKAGE_EXTERNAL",
                f"this package holds the weights of your own class {named.class_}",
                where=DESCRIPTION,
                why="a package names no importable object, so the class must be given again",
                fix=f"tw.load(RUN, model={named.class_}())",
            )
        return own
    _known("model", named.name)
    settings = registry.settings_of("model", named.name, named.settings)
    module: nn.Module = registry.load("model", named.name)(task.ports, settings)
    return module


def _adopt(task: Task, source: Named) -> None:
    from thalweg.data.dataset import Dataset
    from thalweg.data.read import catalogued, read

    _known("source", source.name)
    if source.name not in catalogued() and source.name in registry.parts("source"):
        raise PackageRefusal(
            "PACKAGE_UNKNOWN_SOURCE",
            f'the package names the source "{source.name}", which reads files',
            where=DESCRIPTION,
            why="only catalogued domains and environments are ever opened for a package",
            fix="take another copy, or train it again",
        )
    dataset = read(source.name, own=source.settings)
    assert isinstance(dataset, Dataset)
    task.adopt(dataset)
