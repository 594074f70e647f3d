"""Results: the facts of a finished run that its last lines, `--json` and the report tell, as JSON values."""

from pathlib import Path
from typing import Any

from thalweg.core import files
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.evaluation.compare import compare
from thalweg.evaluation.diagnosis import diagnose, plain_predictions
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.seen import seen
from thalweg.tasks._task import Model, Task

LEAST_SECONDS, MOST_SECONDS = 10.0, 120.0
"""Baselines are given as long as the net was, within these bounds."""


def results(
    task: Task,
    model: Model,
    dataset: Dataset,
    *,
    seconds: float | None = None,
    seed: int = 0,
    margin: str | None = None,
    talk: Talk | None = None,
    keep: Path | None = None,
) -> dict[str, Any]:
    """Metrics with intervals on the test part, baselines, verdict, and where the model errs.

    Args:
        seconds: how long the net trained, and baselines may take, within bounds; None: no baselines are fitted, so that there
            is no verdict, and its reason says so.
        keep: where every prediction on the test part is written as Parquet, for tasks that predict one value a row.
    """
    at = Position(seed)
    found = evaluate(task, model, dataset, at=at)
    said = plain_predictions(task, model, dataset, at=at)
    if keep is not None and said is not None:
        files.write_bytes(keep, said.parquet())
    target = task.ports.output.name if task.ports.outputs else None
    predicts = target if target in {one.name for one in task.encodings.of_role("target")} else None
    facts = {"counted": task.counted, "predicts": predicts, "seen": seen(dataset), "diagnosis": diagnose(task, said)}
    if seconds is None:
        reason = "baselines were not asked for"
        return found.as_json() | {"baselines": [], "notes": [], "verdict": None, "verdict_reason": reason} | facts
    budget = min(max(seconds, LEAST_SECONDS), MOST_SECONDS)
    compared = compare(task, model, dataset, evaluation=found, seed=seed, budget=budget, margin=margin, talk=talk)
    return compared.as_json() | facts
