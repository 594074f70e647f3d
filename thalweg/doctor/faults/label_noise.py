"""Labels of which many look random."""

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, percent, shown
from thalweg.doctor.lines import Evaluation
from thalweg.doctor.trace import Trace

FEWEST_CLASSES, FEWEST_EVALUATIONS, FEWEST_STEPS = 3, 3, 100
ABOVE_CHANCE, DEVIATIONS = 0.05, 4
"""Accuracy above chance that shows that something was learned, at least so many standard errors."""
ANYWHERE, SOMEWHERE = 0.33, 0.25
"""Where errors fall among the classes: 0 on the next likely, 0.5 anywhere; held-out and in training."""
SURE, ALIKE = 0.2, 0.6
"""Errors among the surest quarter of answers, and their share of the errors among all: of data that are hard and not noisy
some are easy, so that what a net is surest of is mostly right; labels at random spare none."""
FEWEST_HELD_OUT, FEWEST_TRAINING, LEAST_ERROR = 50, 30, 0.2
GAP, SMALL_GAP, SURE_IN_TRAINING, BEYOND = 0.12, 0.04, 0.3, 0.05
"""Training loss above held-out loss, over the entropy of labels; the same where errors in training fall anywhere, so many of
them among the surest, and so many more than held-out."""
RECENT = 15
"""Steps before an evaluation with which it is compared."""
WARM = 20
"""Steps after which errors in training say something of the labels, not of the start."""


@dataclass(frozen=True)
class _Errors:
    """Errors in training past the start.

    Attributes:
        share: of the answers.
        misplaced: where they fell.
        sure: share of the surest answers.
    """

    count: int
    share: float
    misplaced: float
    sure: float


@fault("label-noise", turn=150, severity="warning", about="noise", hides=("overfitting", "late"))
def label_noise(trace: Trace) -> Found | None:
    """Errors fall on any class, as labels drawn at random make them."""
    judged = [one for one in trace.held_out if one.errors is not None and one.rows]
    enough = len(judged) >= FEWEST_EVALUATIONS and trace.steps >= FEWEST_STEPS and trace.works
    if (trace.classes or 0) < FEWEST_CLASSES or not enough or trace.labels is None:
        return None
    best = min(judged, key=lambda one: one.loss or 0.0)
    trained = _training_errors(trace)
    if not _learned(trace, judged) or trained is None or trained.misplaced < SOMEWHERE:
        return None
    both, one_side = _in_both(best, trained), _in_training(trace, judged, trained)
    if not both and not one_side:
        return None
    error = (best.errors or 0) / best.rows if both else trained.share
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


def _learned(trace: Trace, judged: list[Evaluation]) -> bool:
    """Held-out answers are better than chance."""
    best = min(judged, key=lambda one: (one.errors or 0) / one.rows)
    by_chance = math.sqrt(trace.chance * (1 - trace.chance) / best.rows)
    return 1 - (best.errors or 0) / best.rows > trace.chance + max(ABOVE_CHANCE, DEVIATIONS * by_chance)


def _training_errors(trace: Trace) -> _Errors | None:
    seen = [one.answers for one in trace.samples if one.step >= WARM and one.answers is not None and one.answers.hard]
    count, rows = sum(one.errors for one in seen), sum(one.rows for one in seen)
    if not count:
        return None
    sure = sum(one.sure_errors for one in seen) / max(1, sum(one.surest for one in seen))
    return _Errors(count, count / rows, sum(one.errors * (one.misplaced or 0.0) for one in seen) / count, sure)


def _sure(one: Evaluation) -> float:
    """The share of errors among its surest answers."""
    return one.sure_errors / max(1, one.surest)


def _in_both(best: Evaluation, trained: _Errors) -> bool:
    """Held-out errors fall anywhere, and as often on the surest answers; training rows were not learned by heart at once."""
    errors = best.errors or 0
    if errors < FEWEST_HELD_OUT or errors / best.rows < LEAST_ERROR or trained.share < LEAST_ERROR:
        return False
    return (best.misplaced or 0.0) >= ANYWHERE and _sure(best) >= max(SURE, ALIKE * errors / best.rows)


def _in_training(trace: Trace, judged: list[Evaluation], trained: _Errors) -> bool:
    """Held-out loss lies below that of training in two evaluations: before the labels were learned by heart, if they were."""
    assert trace.labels is not None
    gaps = sorted(
        median(before) - (one.loss or 0.0)
        for former, one in pairwise(judged)
        if (before := trace.between(max(former.step, one.step - RECENT), one.step))
    )
    if trained.count < FEWEST_TRAINING or len(gaps) < 2:
        return False
    beyond = trained.sure - median(_sure(one) for one in judged[1:]) > BEYOND
    anywhere = trained.misplaced >= ANYWHERE and trained.sure >= SURE_IN_TRAINING and beyond
    return gaps[-2] > (SMALL_GAP if anywhere else GAP) * trace.labels.entropy
