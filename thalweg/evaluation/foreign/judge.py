"""Answers of any model made into what metrics read, by a task that is chosen by the truth; the same for all models compared.

Letters: n examples, C classes, d values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.errors import TrainingRefusal, UsageRefusal, some_of
from thalweg.evaluation._baseline import LEAST
from thalweg.evaluation.evaluate import Evaluation, of_rows
from thalweg.evaluation.foreign.answers import Answers, answers, called, probabilities_of
from thalweg.evaluation.foreign.examples import Judged, Said
from thalweg.fields.column import Column, plain
from thalweg.fields.encoding import Encoding, Encodings
from thalweg.fields.inference import infer
from thalweg.metrics._metric import Metric
from thalweg.packages.package import Package
from thalweg.tasks._task import Task

TARGET = "truth"


@dataclass(frozen=True)
class Judgement:
    """What a model came to on examples.

    Attributes:
        notes: sentences on how its answers were read.
    """

    name: str
    evaluation: Evaluation
    notes: tuple[str, ...]


def judge(models: Sequence[Any], examples: Judged, said: Said) -> tuple[list[Judgement], Task]:
    """Each model's evaluation on the same examples by the same metrics, and the task that these belong to.

    A metric that needs probabilities is left out where one of the models gives none.

    Raises:
        UsageRefusal: answers that do not fit the truth: other labels, shapes or counts.
        TrainingRefusal: a model raised, or answers are not a number.
    """
    target = _target(models, examples, said)
    classed = target.port.size is not None
    given = [answers(model, examples, classed=classed) for model in models]
    names = _names([called(model) for model in models])
    if classed:
        known = [one for some in given for one in (some.classes or said.get("classes") or ())]
        target.extend([[plain(one) for one in known]] if known else [[]])
    task = task_of(Encodings([target]))
    read = [
        _Reader(name, examples.truth, target).read(one, said.get("classes")) for name, one in zip(names, given, strict=True)
    ]
    truth = read[0].truth
    kept = {name: metric for name, metric in task.metrics.items() if all(_reads(metric) in one.readings for one in read)}
    found = [
        Judgement(
            name,
            of_rows(
                kept,
                {key: metric.rows(one.readings[_reads(metric)], truth) for key, metric in kept.items()},
                part=examples.part,
                groups=examples.groups,
            ),
            one.notes,
        )
        for name, one in zip(names, read, strict=True)
    ]
    return found, task


def _target(models: Sequence[Any], examples: Judged, said: Said) -> Encoding:
    """The encoding of the truth: by the task that is named, else by what a model is for, else by what the truth looks like."""
    kind = kind_of_truth(models, examples, said)
    part: type[Encoding] = registry.load("kind", kind)
    encoding = part(TARGET, [TARGET], "target")
    column = examples.truth
    column = column[:, 0] if isinstance(column, np.ndarray) and column.ndim == 2 else column
    encoding.check([column])
    return encoding.fit([column])


def kind_of_truth(models: Sequence[Any], examples: Judged, said: Said) -> str:
    """The kind of what is to be predicted: as the task that is named, a model or the truth itself says.

    Raises:
        UsageRefusal: neither one class nor numbers.
    """
    learned = [name for name in registry.parts("task") if registry.facts("task", name).get("target") in target_kinds()]
    task = said.get("task")
    if task is not None:
        if task not in learned:
            raise UsageRefusal(
                "COMPARE_TASK",
                f'models of any make are not judged at "{task}"',
                where="task",
                why="one class or one number a row is what their answers can be",
                fix=f"one of {', '.join(sorted(learned))}",
            )
        return str(registry.facts("task", task)["target"])
    for model in models:
        if isinstance(model, Package):
            return model.encodings.target.kind
        kind = _kind_of_estimator(model)
        if kind:
            return kind
    truth = examples.truth
    if isinstance(truth, np.ndarray) and truth.ndim == 2:
        return target_kinds()[1]
    kind = infer(TARGET, truth, target=True).kind or ""
    if kind not in target_kinds():
        raise UsageRefusal(
            "COMPARE_TASK",
            f"the truth is of kind {kind or 'unknown'}",
            where=examples.name,
            why="one class or one number a row is what models of any make can be judged by",
            fix='say task="classification" or task="regression"',
        )
    return kind


def target_kinds() -> tuple[str, str]:
    """The kinds of target of classifiers and regressors."""
    return "category", "number"


def _kind_of_estimator(model: Any) -> str:  # noqa: ANN401
    from sklearn.base import is_classifier, is_regressor

    known = getattr(model, "predict", None)
    if known is None or isinstance(model, torch.nn.Module):
        return ""
    try:
        return target_kinds()[0] if is_classifier(model) else target_kinds()[1] if is_regressor(model) else ""
    except (AttributeError, TypeError):  # it only looks like an estimator
        return ""


def task_of(encodings: Encodings) -> Task:
    """The task that learns such a target, by the parts' own preference."""
    fitting = [name for name, part in registry.parts("task").items() if part.facts.get("target") == encodings.target.kind]
    name = max(sorted(fitting), key=lambda one: registry.facts("task", one).get("preference", 0))
    found: Task = registry.load("task", name)(encodings, registry.settings_of("task", name))
    return found


def _names(found: list[str]) -> list[str]:
    if len(set(found)) == len(found):
        return found
    places = ("first", "second") if len(found) == 2 else range(1, len(found) + 1)
    return [f"{name} ({place})" if found.count(name) > 1 else name for name, place in zip(found, places, strict=True)]


def _reads(metric: Metric[Any]) -> str:
    return str(metric.declaration.facts["reads"])  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Read:
    readings: Mapping[str, Tensor]
    truth: Tensor
    notes: tuple[str, ...] = ()


class _Reader:
    """Reads the answers of one model."""

    def __init__(self, name: str, truth: Column, target: Encoding) -> None:
        self.name, self.truth, self.target = name, truth, target
        size = target.port.size
        self.classes = [plain(one) for one in target.decode(torch.arange(size))] if size is not None else []

    def read(self, given: Answers, classes: Sequence[Any] | None) -> _Read:
        """Readings of metrics by name, and the truth beside them."""
        if len(given.column) != len(self.truth):
            raise self._refusal(
                "ANSWERS_COUNT",
                f"{self.name} gave {len(given.column):,} answers to {len(self.truth):,} examples",
                why="each example needs one answer",
                fix="return a row for each input, in the same order",
            )
        self._refuse_not_a_number(given.column)
        return self._classes(given, classes) if self.classes else self._values(given.column)

    def _values(self, column: Column) -> _Read:
        truth = np.array(self.truth, dtype=np.float64).reshape(len(self.truth), -1)
        try:
            values = np.array(column, dtype=np.float64).reshape(len(truth), -1)
        except (TypeError, ValueError):
            raise self._refusal(
                "ANSWERS_NOT_NUMBERS",
                f"{self.name} answers {_shown(list(column[:3]))}, the truth is numbers",
                why="errors are measured in numbers",
                fix='return numbers; or say task="classification" where the truth are classes',
            ) from None
        if values.shape != truth.shape:
            raise self._refusal(
                "ANSWERS_SHAPE",
                f"{self.name} gave {values.shape[1]} values a row, the truth holds {truth.shape[1]}",
                why="each value needs exactly one truth",
                fix=f"return an array of shape {truth.shape}",
            )
        return _Read({"values": torch.from_numpy(values)}, torch.from_numpy(truth))

    def _classes(self, given: Answers, classes: Sequence[Any] | None) -> _Read:
        truth = torch.from_numpy(self._codes(self.truth, None))
        column = given.column
        array = column if isinstance(column, np.ndarray) else np.asarray(column, dtype=object)
        array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if array.ndim > 2:
            raise self._refusal(
                "ANSWERS_SHAPE",
                f"{self.name} gave answers of shape {array.shape}",
                why="a row is one label, or a number for each class",
                fix=f"return (n,) labels or (n, {len(self.classes)}) probabilities or logits",
            )
        if array.ndim == 1 and not _between(array):
            return _Read({"classes": torch.from_numpy(self._codes(column, classes, answered=True))}, truth)
        scores, notes = (array, ()) if array.ndim == 2 else self._both(array.astype(np.float64))
        found, note = probabilities_of(scores)
        whole = torch.from_numpy(self._ordered(found, given.classes or classes))
        said = whole.argmax(1) if given.labels is None else torch.from_numpy(self._codes(given.labels, None, answered=True))
        told = tuple(f"{self.name}: {one}" for one in (*notes, note) if one)
        return _Read({"probabilities": whole, "classes": said}, truth, told)

    def _both(self, array: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """One score a row as scores of both classes: a probability of the second, or its logit."""
        if len(self.classes) != 2:
            raise self._refusal(
                "ANSWERS_SHAPE",
                f"{self.name} gave one score a row for {len(self.classes)} classes",
                why="one score tells two classes apart, not more",
                fix=f"return (n, {len(self.classes)}) probabilities or logits, or (n,) labels",
            )
        if array.min() >= 0 and array.max() <= 1:
            return np.stack([1 - array, array], 1), (f'its one score is taken for the probability of "{self.classes[1]}"',)
        return np.stack([np.zeros_like(array), array], 1), (f'its one score is taken for the logit of "{self.classes[1]}"',)

    def _ordered(self, found: np.ndarray, classes: Sequence[Any] | None) -> np.ndarray:
        """The columns (n, C) in the order of the classes that all models share; a class that this one lacks has none."""
        columns = found.shape[1]
        whole_numbers = all(isinstance(one, int) for one in self.classes) and max(self.classes, default=0) < columns
        named = classes or (self.classes if columns == len(self.classes) else range(columns) if whole_numbers else ())
        if len(named) != columns:
            raise self._refusal(
                "ANSWERS_CLASSES",
                f"{self.name} gave {columns} scores a row; there are {len(named or self.classes)} classes: "
                f"{_shown(list(named) or self.classes)}",
                why="each column must be known for its class",
                fix="name them in the order of the columns: classes=[...]",
            )
        places = {one: i for i, one in enumerate(self.classes)}
        kept = [(places[plain(one)], j) for j, one in enumerate(named) if plain(one) in places]
        ordered = np.full((len(found), len(self.classes)), LEAST)
        ordered[:, [i for i, _ in kept]] = found[:, [j for _, j in kept]]
        return ordered

    def _codes(self, column: Column, classes: Sequence[Any] | None, *, answered: bool = False) -> np.ndarray:
        """Labels as codes; −1 for what is no class here.

        Args:
            classes: what the codes that a model answers stand for, where it answers codes.
        """
        places = {one: i for i, one in enumerate(self.classes)}
        labels = [plain(one) for one in column]
        if answered and classes is not None and all(one not in places for one in labels):
            names = dict(enumerate(classes))
            labels = [names.get(int(one)) if isinstance(one, int | float) else one for one in labels]
        codes = np.asarray([places.get(one, -1) for one in labels], dtype=np.int64)
        if answered and (codes < 0).all():
            raise self._refusal(
                "ANSWERS_LABELS",
                f"{self.name} answers {_shown(sorted(set(map(str, labels))))}; the truth holds {_shown(self.classes)}",
                why="none of its answers is a class of these data, so all of them would be wrong",
                fix="answer the labels of the truth, or say what its codes stand for: classes=[...]",
            )
        return codes

    def _refuse_not_a_number(self, column: Column) -> None:
        array = np.asarray(column) if isinstance(column, np.ndarray) else np.asarray(column, dtype=object)
        if array.dtype.kind == "f":
            wrong = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(1))
        else:
            wrong = np.flatnonzero([one is None or (isinstance(one, float) and not np.isfinite(one)) for one in array])
        if len(wrong):
            shown = some_of(wrong.tolist())
            raise TrainingRefusal(
                "PREDICTIONS_NOT_FINITE",
                f"the answers of {self.name} to {len(wrong):,} of {len(array):,} examples are not a number",
                where=f"rows {shown} (counted from 0)",
                why="a figure made of them would mean nothing",
                fix="look at the inputs of these rows",
                details={"rows": wrong[:1000].tolist(), "count": len(wrong)},
            )

    def _refusal(self, code: str, what: str, *, why: str, fix: str) -> UsageRefusal:
        return UsageRefusal(code, what, where=f"answers of {self.name}", why=why, fix=fix)


def _between(array: np.ndarray) -> bool:
    """One number a row, not all of them whole: scores, not labels."""
    return array.dtype.kind == "f" and bool((array != np.round(array)).any())


def _shown(values: Sequence[Any]) -> str:
    return ", ".join(map(str, list(values)[:6])) + (" ..." if len(values) > 6 else "")
