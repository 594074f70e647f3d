"""Results: the facts of a finished run that its last lines, `--json` and the report tell, as JSON values."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core import files
from thalweg.core.position import Position
from thalweg.core.talk import Talk
from thalweg.data.dataset import Dataset
from thalweg.evaluation.compare import Comparison, compare_evaluated
from thalweg.evaluation.diagnosis import diagnose, plain_predictions
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.importance import importance
from thalweg.evaluation.looks import Looks, answers_digest
from thalweg.evaluation.never_learned import never_learned
from thalweg.evaluation.packaged import Shipping
from thalweg.evaluation.seen import keep_learned, learned_rows, seen
from thalweg.tasks._task import Model, Task

LEAST_SECONDS, MOST_SECONDS = 6.0, 120.0
"""Baselines are given as long as the net was, within these bounds."""


def budget_for(seconds: float) -> float:
    """Seconds for the baselines of a net that trained so long."""
    return min(max(seconds, LEAST_SECONDS), MOST_SECONDS)


@dataclass(frozen=True)
class Keeping:
    """What is kept of an evaluation beside its figures.

    Attributes:
        learned: where a number for each training row is written.
        predictions: where every prediction on the test part is written as Parquet, for tasks that predict one value a row.
        shipping: writes the baselines.
        looks: those at the test part so far, among which this one is counted.
    """

    learned: Path
    predictions: Path
    shipping: Shipping
    looks: Looks

    def ship(self, compared: Comparison, dataset: Dataset) -> list[str]:
        """Write every baseline that can be shipped; returns a sentence on the opponent where it cannot."""
        chosen = compared.verdict.opponent
        every = [one.opponent for one in compared.rivals]
        said = {one.name: self.shipping.ship(one, dataset=dataset, always=one.name == chosen) for one in every}
        return [said[chosen]] if chosen is not None and said.get(chosen) else []


def results(
    task: Task,
    model: Model,
    dataset: Dataset,
    *,
    seconds: float | None = None,
    seed: int = 0,
    margin: str | None = None,
    talk: Talk | None = None,
    keep: Keeping | None = None,
) -> dict[str, Any]:
    """Metrics with intervals on the test part, baselines, verdict, and where the model errs.

    Args:
        seconds: how long the net trained, and baselines may take, within bounds; None: no baselines are fitted, so that there
            is no verdict, and its reason says so.
        keep: where predictions and baselines go; None: nothing is written.
    """
    at = Position(seed)
    found = evaluate(task, model, dataset, at=at)
    said = plain_predictions(task, model, dataset, at=at)
    if keep is not None and said is not None:
        files.write_bytes(keep.predictions, said.parquet())
    target = task.ports.output.name if task.ports.outputs else None
    predicts = target if target in {one.name for one in task.encodings.of_role("target")} else None
    learned = learned_rows(dataset)
    if keep is not None:
        keep_learned(keep.learned, learned)
    facts = {"counted": task.counted, "predicts": predicts, "seen": seen(dataset, learned), "diagnosis": diagnose(task, said)}
    facts["importance"] = importance(task, model, dataset, at=at, seconds=seconds)
    strange = never_learned(task, dataset, found)
    if seconds is None:
        reason = "baselines were not asked for"
        if keep is not None and found.headline in found.rows:
            digest = answers_digest(found.headline, [found.rows[found.headline]])
            keep.looks.keep(digest, metric=found.headline, value=found.value, word=None)
        return found.as_json() | {"baselines": [], "notes": strange, "verdict": None, "verdict_reason": reason} | facts
    budget = budget_for(seconds)
    looks = None if keep is None else keep.looks
    compared = compare_evaluated(task, found, dataset, seed=seed, budget=budget, margin=margin, looks=looks, talk=talk)
    notes = keep.ship(compared, dataset) if keep is not None else []
    told = compared.as_json()
    return told | {"notes": [*strange, *told["notes"], *notes]} | facts
