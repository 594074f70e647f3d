"""Labels of which many look random."""

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, percent, shown
from thalweg.doctor.lines import Evaluation
from thalweg.doctor.trace import Trace

FEWEST_CLASSES, FEWEST_EVALUATIONS, FEWEST_STEPS = 3, 3, 100
ABOVE_CHANCE = 0.15
"""Accuracy above chance that shows that something was learned."""
ANYWHERE, SOMEWHERE = 0.36, 0.25
"""Where errors fall among the classes: 0 on the next likely, 0.5 anywhere; held-out and in training."""
FEWEST_HELD_OUT, FEWEST_TRAINING, LEAST_ERROR, GAP = 50, 30, 0.2, 0.12
RECENT = 15
"""Steps before an evaluation with which it is compared."""
WARM = 20
"""Steps after which errors in training say something of the labels, not of the start."""


@dataclass(frozen=True)
class _Errors:
    """How many errors there were in training, and where they fell."""

    count: int
    misplaced: float


@fault("label-noise", turn=150, severity="warning", about="noise", hides=("overfitting", "late"))
def label_noise(trace: Trace) -> Found | None:
    """Errors fall on any class, as labels drawn at random make them."""
    judged = [one for one in trace.held_out if one.errors is not None and one.rows]
    enough = len(judged) >= FEWEST_EVALUATIONS and trace.steps >= FEWEST_STEPS and trace.works
    if (trace.classes or 0) < FEWEST_CLASSES or not enough or trace.labels is None:
        return None
    best = min(judged, key=lambda one: one.loss or 0.0)
    accuracy = max(1 - (one.errors or 0) / one.rows for one in judged)
    trained = _training_errors(trace)
    if accuracy <= trace.chance + ABOVE_CHANCE or trained is None or trained.misplaced < SOMEWHERE:
        return None
    both, one_side = _in_both(best, trained), _in_training(trace, judged, trained)
    if not both and not one_side:
        return None
    error = (best.errors or 0) / best.rows if both else trained.count / max(_rows(trace), 1)
    misplaced = (best.misplaced or 0.0) if both else trained.misplaced
    return Found(
        f"about {percent(min(1.0, max(0.0, error * (misplaced - 0.1) / 0.4)))} of labels look random: errors fall on any class "
        f"({shown(misplaced)}; 0.5 would be evenly, 0 to 0.2 is usual)",
        "training and held-out labels" if both else "training labels",
        "a net that learns them by heart answers others at random",
        "look at the examples with the largest losses, and mend or drop their labels (thalweg check DATA lists suspects)",
        "likely",
        "thalweg check DATA lists the rows whose labels are most likely wrong",
    )


def _warm(trace: Trace) -> list[tuple[int, int, float]]:
    """(rows, errors, where they fell) of sampled steps past the start."""
    seen = [one.answers for one in trace.samples if one.step >= WARM and one.answers is not None]
    return [(one.rows, one.errors, one.misplaced or 0.0) for one in seen if one.hard]


def _rows(trace: Trace) -> int:
    return sum(rows for rows, _, _ in _warm(trace))


def _training_errors(trace: Trace) -> _Errors | None:
    warm = _warm(trace)
    count = sum(errors for _, errors, _ in warm)
    return _Errors(count, sum(errors * misplaced for _, errors, misplaced in warm) / count) if count else None


def _in_both(best: Evaluation, trained: _Errors) -> bool:
    errors = best.errors or 0
    enough = errors >= FEWEST_HELD_OUT and errors / best.rows >= LEAST_ERROR
    return enough and (best.misplaced or 0.0) >= ANYWHERE and trained.count > 0


def _in_training(trace: Trace, judged: list[Evaluation], trained: _Errors) -> bool:
    """Held-out loss lies below that of training in two evaluations: before the labels were learned by heart, if they were."""
    assert trace.labels is not None
    gaps = sorted(
        median(before) - (one.loss or 0.0)
        for former, one in pairwise(judged)
        if (before := trace.between(max(former.step, one.step - RECENT), one.step))
    )
    return trained.count >= FEWEST_TRAINING and len(gaps) > 1 and gaps[-2] > GAP * trace.labels.entropy
