"""Labels that do not belong to their inputs."""

import math
from collections.abc import Sequence
from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, percent, shown
from thalweg.doctor.heart import ROWS, Left, most_left
from thalweg.doctor.lines import Evaluation
from thalweg.doctor.trace import STEADY, Trace

FEWEST, FEWEST_LABELS, DEVIATIONS = 3, 100, 2.5
"""Evaluations; labels that tell how common each class is; and how many standard errors above chance an accuracy may lie and
still be chance."""
UNLEARNED, UNLEARNED_ONCE = 0.96, 0.85
"""Held-out loss over that of chance; the least that it may once be where it varies, as that of numbers does."""
PLACES, ANYWHERE, FEWEST_ERRORS = 0.8, 0.4, 50
"""Held-out loss over that of chance where the places of answers tell how common each class is; errors that fall on any class
(0.5), and the fewest of them: whoever knows something of the inputs ranks the right class second."""
NOTHING, TOGETHER = 0.985, 0.1
"""Held-out loss over that of chance where next to nothing is known, and how far above chance an accuracy may lie there:
rows that are alike are answered alike, so that it varies more than of independent rows."""
INCOMPARABLE = 1.2
"""A loss that is never near that of chance is weighed otherwise."""
FALLING, LEAPT, BELOW = 0.004, 0.015, 0.998
"""What both of the last evaluations, or one of them, must have fallen by, and to, if the loss is still to fall; the second also
for what the last half fell by, to anywhere."""
BY_HEART = 0.05
"""Training loss over that of chance, where few rows were learned by heart: then held-out rows are too much to ask for."""
DRAWN = 2.0
"""The squared error of answers drawn from the targets at random, over their variance: what lies above has other grounds."""
WHOLLY = 0.2
"""What the probe left of its few examples where it learned them by heart, and not in part."""
DEAD = 0.9
"""Share of units, that no slope passes any more."""


@fault("shuffled-labels", turn=130, severity="warning", about="labels", hides=("overfitting", "noise", "late"))
def shuffled_labels(trace: Trace) -> Found | Unprobed | None:
    """Held-out answers stay at chance although the net can learn single batches."""
    judged = [one for one in trace.held_out if one.rows and (_number(one) if trace.labels is None else one.errors is not None)]
    if len(judged) < FEWEST or not trace.works or trace.late < BY_HEART * trace.base or _killed(trace):
        return None
    if trace.labels is not None and trace.labels_seen < FEWEST_LABELS:
        return None
    said = _of_numbers(judged) if trace.labels is None else _of_classes(judged, trace.chance, trace.labels.entropy)
    if not said:
        return None
    probe = trace.probe
    if probe is None:
        return Unprobed()
    left = Left.by(probe, trace.unknowing or 0.0)
    if left is None or probe.rows < ROWS or not left.learned(most_left(trace.narrowest)):
        return None
    how = "learned by heart" if left.learned(WHOLLY) else "learned"
    return Found(
        f"{said}, yet {probe.rows} examples are {how} (loss {shown(probe.first)} to {shown(probe.last)})",
        f"evaluations after steps {judged[0].step:,} to {judged[-1].step:,}",
        "labels do not fit their inputs, or the inputs say nothing about them",
        "look at 20 pairs of input and label: is one side shuffled, sorted or shifted against the other?",
        "likely",
    )


def _number(evaluation: Evaluation) -> bool:
    """Its targets are numbers, one for each row: pictures that are to be drawn again are no labels."""
    return bool(evaluation.variance) and evaluation.columns == 1


def _killed(trace: Trace) -> bool:
    """Steps that were too large have left units through which nothing is learned any more."""
    fastest = trace.fastest or 0.0
    return fastest > STEADY[1] and any((one.dead or 0.0) >= DEAD for one in trace.samples[-1].layers)


def _of_classes(judged: Sequence[Evaluation], chance: float, entropy: float) -> str:
    last = judged[len(judged) // 2 :]
    accuracy = median(1 - (one.errors or 0) / one.rows for one in last)
    by_chance = chance + DEVIATIONS * math.sqrt(chance * (1 - chance) / max(one.rows for one in last))
    shares = [(one.loss or 0.0) / max(entropy, 1e-9) for one in judged]
    unlearned = UNLEARNED < min(shares) < INCOMPARABLE and not _falling(shares) and not _coming(shares)
    told = accuracy <= by_chance or (min(shares) > NOTHING and accuracy <= chance + TOGETHER)
    if not told or not (unlearned or _by_places(last, min(shares))):
        return ""
    return f"held-out accuracy stays at chance ({percent(accuracy)}, chance {percent(chance)})"


def _by_places(last: Sequence[Evaluation], least: float) -> bool:
    """The loss is below that of chance, but no errors fall where knowledge of the inputs would put them."""
    enough = min(one.errors or 0 for one in last) >= FEWEST_ERRORS
    return enough and PLACES < least < UNLEARNED and median(one.misplaced or 0.0 for one in last) >= ANYWHERE


def _of_numbers(judged: Sequence[Evaluation]) -> str:
    """The squared error is no smaller than that of the mean."""
    shares = [(one.loss or 0.0) / max(one.variance or 0.0, 1e-12) for one in judged]
    usual = median(shares[len(shares) // 2 :])
    learns = min(shares) <= UNLEARNED_ONCE or _falling(shares) or _coming(shares)
    if learns or not UNLEARNED < usual <= DRAWN:
        return ""
    return f"the held-out squared error stays at {shown(usual)} of the targets' variance: their mean does no worse"


def _falling(shares: Sequence[float]) -> bool:
    """The last evaluations are better than all before them."""
    before, last = min(shares[:-2]), shares[-2:]
    return min(last) < BELOW and (max(last) < before - FALLING or min(last) < before - LEAPT)


def _coming(shares: Sequence[float]) -> bool:
    """It has not come to rest: at the end it is lower than in the whole first half."""
    return min(shares[: len(shares) // 2 + 1]) - shares[-1] > LEAPT
