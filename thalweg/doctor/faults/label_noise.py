"""Labels of which many look random."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, percent, shown
from thalweg.doctor.heart import Left
from thalweg.doctor.lines import Answers, Evaluation
from thalweg.doctor.trace import Trace

FEWEST_CLASSES, FEWEST_EVALUATIONS, FEWEST_STEPS = 3, 3, 100
ABOVE_CHANCE, DEVIATIONS = 0.05, 4
"""Accuracy above chance that shows that something was learned, at least so many standard errors."""
ANYWHERE, SOMEWHERE = 0.3, 0.25
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
MORE = 0.1
"""By how much more errors in training fall anywhere than held-out errors do, where training labels alone are noisy: of who
knows too little to rank the classes both fall alike."""
BY_HEART = 0.25
"""What the probe leaves of a few examples that it learned by heart: other nets err anywhere, whatever the labels."""


@dataclass(frozen=True)
class _Errors:
    """Errors of several batches or evaluations.

    Attributes:
        count: of errors.
        share: of the answers.
        misplaced: where they fell.
        sure: share of the surest answers.
        sure_misplaced: where those fell.
    """

    count: int
    share: float
    misplaced: float
    sure: float
    sure_misplaced: float

    @staticmethod
    def of(told: Sequence[Answers | Evaluation]) -> "_Errors":
        """All of them together."""
        count, sure = sum(one.errors or 0 for one in told), sum(one.sure_errors for one in told)
        return _Errors(
            count,
            count / max(1, sum(one.rows for one in told)),
            sum((one.errors or 0) * (one.misplaced or 0.0) for one in told) / max(1, count),
            sure / max(1, sum(one.surest for one in told)),
            sum(one.sure_errors * _fallen(one) for one in told) / max(1, sure),
        )


def _fallen(one: Answers | Evaluation) -> float:
    """Where errors among the surest answers fell; in older traces where all did."""
    return (one.misplaced if one.sure_misplaced is None else one.sure_misplaced) or 0.0


@fault("label-noise", turn=150, severity="warning", about="noise", hides=("overfitting", "late"))
def label_noise(trace: Trace) -> Found | Unprobed | None:
    """Errors fall on any class, as labels drawn at random make them."""
    judged = [one for one in trace.held_out if one.errors is not None and one.rows]
    enough = len(judged) >= FEWEST_EVALUATIONS and trace.steps >= FEWEST_STEPS and trace.works
    if (trace.classes or 0) < FEWEST_CLASSES or not enough or trace.labels is None:
        return None
    trained = _in_training(trace, min(judged, key=lambda one: one.loss or 0.0).step)
    if not _learned(trace, judged) or trained.misplaced < SOMEWHERE:
        return None
    held_out = _Errors.of(judged[len(judged) // 2 :])
    both = _anywhere(held_out, trained, most_rows=max(one.rows for one in judged))
    if not both and not _worse_in_training(trace, judged, trained):
        return None
    if trace.probe is None:
        return Unprobed()
    left = Left.by(trace.probe, trace.labels.entropy)
    if left is not None and not left.learned(BY_HEART):
        return None
    told = held_out if both else trained
    share = min(1.0, max(0.0, told.share * (told.misplaced - 0.1) / 0.4))
    return Found(
        f"about {percent(share)} of labels look random: errors fall on any class "
        f"({shown(told.misplaced)}; 0.5 would be evenly, 0 to 0.2 is usual)",
        "training and held-out labels" if both else "training labels",
        "such labels can only be learned by heart, which makes answers to other examples worse",
        "look at the examples with the largest losses, and mend or drop their labels (thalweg check DATA lists suspects)",
        "likely",
        "thalweg check DATA lists the rows whose labels are most likely wrong",
    )


def _learned(trace: Trace, judged: Sequence[Evaluation]) -> bool:
    """Held-out answers are better than chance, most of the time: those of one evaluation may all move to one class together."""
    accuracy = median(1 - (one.errors or 0) / one.rows for one in judged[1:])
    by_chance = math.sqrt(trace.chance * (1 - trace.chance) / judged[-1].rows)
    return accuracy > trace.chance + max(ABOVE_CHANCE, DEVIATIONS * by_chance)


def _in_training(trace: Trace, best: int) -> _Errors:
    """Past the start, until held-out loss was lowest or there are enough: later, labels are known by heart."""
    seen = list[Answers]()
    for sample in trace.samples:
        told = sample.answers
        if told is None or not told.hard or sample.step < WARM:
            continue
        if sample.step > best and sum(one.errors for one in seen) >= FEWEST_TRAINING:
            break
        seen.append(told)
    return _Errors.of(seen)


def _anywhere(held_out: _Errors, trained: _Errors, *, most_rows: int) -> bool:
    """Held-out errors fall anywhere, as often on the surest answers, and there too; training rows were not known at once."""
    if held_out.share * most_rows < FEWEST_HELD_OUT or trained.count < FEWEST_TRAINING:
        return False
    if min(held_out.share, trained.share) < LEAST_ERROR:
        return False
    fall = min(held_out.misplaced, held_out.sure_misplaced)
    return fall >= ANYWHERE and held_out.sure >= max(SURE, ALIKE * held_out.share)


def _worse_in_training(trace: Trace, judged: Sequence[Evaluation], trained: _Errors) -> bool:
    """Held-out loss lies below that of training in two evaluations, before the labels were learned by heart, if they were.

    And held-out errors fall where knowledge puts them, when most is known; those in training do not.
    """
    assert trace.labels is not None
    knowing = _Errors.of(sorted(judged, key=lambda one: one.loss or 0.0)[:FEWEST_EVALUATIONS])
    gaps = sorted(
        median(before) - (one.loss or 0.0)
        for former, one in pairwise(judged)
        if (before := trace.between(max(former.step, one.step - RECENT), one.step))
    )
    if trained.count < FEWEST_TRAINING or len(gaps) < 2 or trained.misplaced - knowing.misplaced < MORE:
        return False
    beyond = trained.sure - median(one.sure_errors / max(1, one.surest) for one in judged[1:]) > BEYOND
    anywhere = trained.misplaced >= ANYWHERE and trained.sure >= SURE_IN_TRAINING and beyond
    return gaps[-2] > (SMALL_GAP if anywhere else GAP) * trace.labels.entropy
