"""A model of any make beside baselines that are trained here, on the training rows that it had.

Letters: n examples judged, m examples to learn from, C classes.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal
from thalweg.core.talk import Talk
from thalweg.data._frames import frame_columns, is_frame
from thalweg.data.dataset import Examples, StoredDataset
from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.data.schema import roles_of
from thalweg.data.settings import DataSettings, Fractions
from thalweg.evaluation.clopper_pearson import ALPHA
from thalweg.evaluation.compare import Rival, concluded
from thalweg.evaluation.foreign.answers import Answers
from thalweg.evaluation.foreign.examples import Judged, Said
from thalweg.evaluation.foreign.judge import Judgement, judge, kind_of_truth, target_kinds, task_of
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.margin import margin_of
from thalweg.evaluation.opponents import Opponent, opponents, refitted
from thalweg.evaluation.paired import difference, sign
from thalweg.evaluation.predictions import predictions
from thalweg.fields.column import Column, as_column, coded
from thalweg.tasks._task import Task

BUDGET = 10.0
"""Seconds for fitting baselines."""
CHOOSING = Fractions(train=0.8, validation=0.15, calibration=0.01, test=0.04)
"""Of the training rows so many choose among the baselines, which then learn from all of them."""
TRUTH = "truth"


def beside_baselines(
    model: Any,  # noqa: ANN401 - any model
    examples: Judged,
    training: Judged,
    said: Said,
    *,
    margin: str | None,
    looks: Looks,
    talk: Talk | None = None,
) -> dict[str, Any]:
    """A model and baselines on the same examples, and the verdict on the baseline that is best on rows kept for choosing.

    Args:
        examples: what all are judged on.
        training: what the baselines learn from, and the model has learned from.
        margin: difference that counts as none; by default from the opponent's value on the rows kept for choosing.
        looks: those at these examples so far.

    Returns:
        JSON values, those of `compare` of a run.

    Raises:
        DataRefusal: the examples that judge are those to learn from.
    """
    _refuse_same(examples, training)
    dataset, classes = _dataset(model, examples, training, said)
    task = task_of(dataset.encodings)
    headline = next(iter(task.metrics))
    field = opponents(task, dataset, headline=headline, seed=0, budget=BUDGET, talk=talk or Talk())
    chosen = field.best(sign(task.metrics[headline]))
    assert chosen is not None, "there is a trivial answer to classes and numbers"
    width = margin_of(task.metrics[headline], chosen.promise, margin)
    whole = _learning_from_all(dataset)
    every = [_on_all(one, len(training.truth)) for one in field.opponents]
    answered = [_answers(task, whole, one, headline, classes) for one in every]
    (own, *others), _ = judge([model, *answered], examples, said)
    digest = answers_digest(headline, [own.evaluation.rows[headline]])
    look, main = looks.number(digest), every[field.opponents.index(chosen)]
    rivals = [_rival(one, own, other, look=look) for one, other in zip(every, others, strict=True)]
    told = concluded(own.evaluation, rivals, main, margin=width, look=look, notes=field.notes, ours=own.name)
    looks.keep(digest, metric=headline, value=own.evaluation.value, word=told.verdict.word)
    claim = (
        f"This speaks for this model as it is, beside baselines that learned from the same {len(training.truth):,} rows, on "
        f"examples like these {len(examples.truth):,}; not for the way in which it was made."
    )
    return told.as_json() | {"model": own.name, "notes": [*own.notes, *field.notes], "claim": claim}


def _refuse_same(examples: Judged, training: Judged) -> None:
    if examples.digest() == training.digest():
        raise DataRefusal(
            "COMPARE_SAME_ROWS",
            "the examples to judge on are those to learn from",
            where="data, train",
            why="what is reported would be a training score",
            fix="keep some rows apart: tw.compare(model, data=(X_test, y_test), train=(X_train, y_train))",
        )


def _dataset(model: Any, examples: Judged, training: Judged, said: Said) -> tuple[StoredDataset, list[Any]]:  # noqa: ANN401
    """Both sets of examples as one dataset, encoded by the training rows, and the classes that its codes stand for."""
    kind = kind_of_truth([model], examples, said)
    truth, classes = joined(training.truth, examples.truth), list[Any]()
    if kind == target_kinds()[0]:
        classes, truth = coded(truth)
    inputs = _together(training.inputs, examples.inputs)
    given = {**inputs, TRUTH: truth} if isinstance(inputs, Mapping) else (inputs, truth)
    settings = DataSettings(target=TRUTH if isinstance(inputs, Mapping) else None, split=CHOOSING)
    raw = read(given, settings)
    assert isinstance(raw, Examples), "what was given is stored"
    target = next(name for name, role in roles_of(raw, settings).items() if role == "target")
    rows = torch.arange(len(raw))
    parts = {"train": rows[: len(training.truth)], "test": rows[len(training.truth) :]}
    raw = dataclasses.replace(raw, given=parts, kinds={**raw.kinds, target: kind})
    return encode(raw, settings, seed=0), classes


def _together(first: Any, second: Any) -> Any:  # noqa: ANN401 - inputs of any make
    """Inputs of both sets one after the other: columns by name, or one array or list."""
    first, second = (frame_columns(one) if is_frame(one) else one for one in (first, second))
    if isinstance(first, Mapping) != isinstance(second, Mapping) or (isinstance(first, Mapping) and set(first) != set(second)):
        raise DataRefusal(
            "DATA_FIELDS_MISSING",
            "the examples to learn from and those to judge on have other columns",
            where="data, train",
            why="baselines learn from what they are then asked by",
            fix="give both with the same columns",
        )
    if isinstance(first, Mapping):
        return {str(name): joined(first[name], second[name]) for name in first}
    return joined(first, second)


def joined(first: Any, second: Any) -> Column:  # noqa: ANN401
    """Two columns as one."""
    one, other = as_column(first), as_column(second)
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and one.shape[1:] == other.shape[1:]:
        return np.concatenate([one, other])
    return [*one, *other]


def _learning_from_all(dataset: StoredDataset) -> StoredDataset:
    """The same with all rows but those of the test part to learn from."""
    rows = torch.cat([dataset.parts[part] for part in ("train", "validation", "calibration")]).sort().values
    return StoredDataset(dataset.examples, dataset.store, {**dataset.parts, "train": rows}, dataset.digest)


def _on_all(one: Opponent, rows: int) -> Opponent:
    """The opponent as it will have learned from all rows, or from as many as there was time for."""
    return dataclasses.replace(one, rows=rows if one.rows == one.whole else one.rows, whole=rows) if one.whole else one


def _answers(task: Task, dataset: StoredDataset, one: Opponent, headline: str, classes: Sequence[Any]) -> Answers:
    """What a baseline answers on the test part, having learned from all training rows with the setting that was chosen."""
    fitted = {"name": one.name, "setting": one.setting, "rows": one.rows}
    model = refitted(task, dataset, headline, fitted, seed=0)
    said = predictions(task, model, dataset)
    if said.probabilities is not None and classes:
        return Answers(said.probabilities, [classes[int(code)] for code in said.classes], scored=True, name=one.title)
    return Answers(said.said[said.name], name=one.title)


def _rival(one: Opponent, own: Judgement, other: Judgement, *, look: int) -> Rival:
    ours, theirs = own.evaluation, other.evaluation
    rows: tuple[Tensor, Tensor] = (ours.rows[ours.headline], theirs.rows[ours.headline])
    gap = difference(ours.metrics[ours.headline], *rows, groups=ours.groups, alpha=ALPHA / look)
    return Rival(one, theirs, gap)
