"""Diagnosis: what was confused with what, whether the model is right when it is sure, and its worst mistakes.

What can be said follows from what the task predicts: classes with probabilities, or numbers.
"""

from typing import Any

import numpy as np

from thalweg.core.position import Position
from thalweg.data.dataset import Dataset
from thalweg.evaluation.predictions import Predictions, predictions
from thalweg.evaluation.ranking_curves import ranking_curves
from thalweg.evaluation.reliability import reliability
from thalweg.fields.column import Column
from thalweg.tasks._task import Model, Task

FEW_CLASSES, MOST_CLASSES = 12, 100
"""Of more classes than the first an example of each pair that is most often confused is told; of more than the second no
counts are kept but those pairs'."""
WORST, PAIRS = 8, 10
POINTS = 400


def plain_predictions(
    task: Task, model: Model, dataset: Dataset, *, part: str = "test", at: Position | None = None
) -> Predictions | None:
    """Every prediction on a part, where each is one class or one number beside what is true; else None."""
    if not task.ports.outputs or not plain_output(task) or dataset.rows(part) is None:
        return None
    found = predictions(task, model, dataset, part=part, at=at)
    return found if found.true is not None else None


def diagnose(task: Task, found: Predictions | None) -> dict[str, Any]:
    """Where a model errs, as JSON values; empty where its predictions are neither classes nor numbers."""
    if found is None or found.true is None:
        return {}
    if found.probabilities is not None and found.codes is not None:
        return _of_classes(found, task.ports.output.size)
    said = found.said.get(found.name)
    return _of_numbers(found, said) if said is not None and _are_numbers(said) and _are_numbers(found.true) else {}


def plain_output(task: Task) -> bool:
    """The task predicts one class or one number for each example, as the data hold them."""
    port = task.ports.output
    return port.name in task.encodings and port.shape in ((), (1,))


def _are_numbers(column: Column) -> bool:
    return isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iuf"


def _of_classes(found: Predictions, classes: int | None) -> dict[str, Any]:
    probabilities, codes = found.probabilities, found.codes
    assert probabilities is not None, "classes come with probabilities"
    assert codes is not None, "classes come with codes"
    if probabilities.ndim != 2 or codes.ndim != 1 or probabilities.shape[1] != classes:
        return {}
    names = [str(name) for name in found.classes]
    facts = {"target": found.name, "calibration": reliability(probabilities, codes, names)}
    facts |= {"curves": ranking_curves(probabilities, codes, names)}
    return facts | {
        "confusion": _confusion(found, probabilities, codes, names),
        "mistakes": _wrong(found, probabilities, codes, names),
    }


def _confusion(found: Predictions, probabilities: np.ndarray, true: np.ndarray, names: list[str]) -> dict[str, Any]:
    """All counts, and the pairs most often confused; of many classes each pair with the row of its surest mistake."""
    count, said = len(names), probabilities.argmax(1)
    table = np.bincount(true * count + said, minlength=count**2).reshape(count, count)
    wrong = table * (1 - np.eye(count, dtype=np.int64))
    flat = wrong.reshape(-1)
    order = [i for i in np.argsort(-flat, kind="stable")[:PAIRS].tolist() if flat[i]]
    pairs = [
        {"true": names[i // count], "said": names[i % count], "count": int(flat[i]), "of": int(table[i // count].sum())}
        for i in order
    ]
    if count > FEW_CLASSES:
        surest = np.argsort(-probabilities.max(1), kind="stable")
        met = (true * count + said)[surest].tolist()
        pairs = [pair | {"row": found.row(int(surest[met.index(i)]))} for pair, i in zip(pairs, order, strict=True)]
    whole = {"counts": table.tolist()} if count <= MOST_CLASSES else {}
    return {"classes": names if whole else [], "pairs": pairs, "number_of_classes": count} | whole


def _wrong(found: Predictions, probabilities: np.ndarray, true: np.ndarray, names: list[str]) -> dict[str, Any]:
    """The mistakes that the model was surest of."""
    said, sure = probabilities.argmax(1), probabilities.max(1)
    wrong = np.flatnonzero(said != true)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]
    shown = [
        {"row": found.row(i), "true": names[true[i]], "said": names[said[i]], "sure": round(float(sure[i]), 6)}
        for i in worst.tolist()
    ]
    return {"count": len(wrong), "of": len(true), "worst": shown}


def _of_numbers(found: Predictions, said: Column) -> dict[str, Any]:
    true, given = np.asarray(found.true, dtype=np.float64), np.asarray(said, dtype=np.float64)
    if not np.isfinite(given).all():
        return {}
    error = given - true
    order = np.argsort(-np.abs(error), kind="stable")[:WORST]
    worst = [{"row": found.row(i), "true": _short(true[i]), "said": _short(given[i])} for i in order.tolist()]
    evenly = np.unique(np.linspace(0, len(true) - 1, min(POINTS, len(true))).astype(int))
    errors = {name: float(np.quantile(error, share)) for name, share in (("low", 0.05), ("middle", 0.5), ("high", 0.95))}
    return {
        "target": found.name,
        "values": {"true": [*map(_short, true[evenly])], "said": [*map(_short, given[evenly])], "errors": errors},
        "mistakes": {"count": len(true), "of": len(true), "worst": worst},
    }


def _short(number: float) -> float:
    """A number with the digits that float32 can hold."""
    return float(f"{number:.6g}")
