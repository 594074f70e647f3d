"""Labels that do not belong to their inputs."""

import math
from collections.abc import Sequence
from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, percent, shown
from thalweg.doctor.lines import Evaluation
from thalweg.doctor.trace import Trace

FEWEST, DEVIATIONS = 3, 2.5
"""Evaluations; and how many standard errors above chance an accuracy may lie and still be chance."""
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
"""What both of the last evaluations, or one of them, must have fallen by, and to, if the loss is still to fall."""
BY_HEART = 0.05
"""Training loss over that of chance, where few rows were learned by heart: then held-out rows are too much to ask for."""
LEARNED, LEARNED_NUMBERS = 0.5, 0.75
"""The probe's last loss over its first, where it learned its few examples: classes, and numbers, whose error falls slower."""


@fault("shuffled-labels", turn=130, severity="warning", about="labels", hides=("overfitting", "noise", "late"))
def shuffled_labels(trace: Trace) -> Found | Unprobed | None:
    """Held-out answers stay at chance although the net can learn single batches."""
    judged = [one for one in trace.held_out if one.rows and (one.variance if trace.labels is None else one.errors is not None)]
    if len(judged) < FEWEST or not trace.works or trace.late < BY_HEART * trace.base:
        return None
    said = _of_numbers(judged) if trace.labels is None else _of_classes(judged, trace.chance, trace.labels.entropy)
    if not said:
        return None
    probe = trace.probe
    if probe is None:
        return Unprobed()
    learned = LEARNED_NUMBERS if trace.labels is None else LEARNED
    if probe.last is None or probe.first is None or probe.last > learned * probe.first:
        return None
    return Found(
        f"{said}, yet {probe.rows} examples are learned by heart (loss {shown(probe.first)} to {shown(probe.last)})",
        f"evaluations after steps {judged[0].step:,} to {judged[-1].step:,}",
        "labels do not fit their inputs, or the inputs say nothing about them",
        "look at 20 pairs of input and label: is one side shuffled, sorted or shifted against the other?",
        "likely",
    )


def _of_classes(judged: Sequence[Evaluation], chance: float, entropy: float) -> str:
    last = judged[len(judged) // 2 :]
    accuracy = median(1 - (one.errors or 0) / one.rows for one in last)
    by_chance = chance + DEVIATIONS * math.sqrt(chance * (1 - chance) / max(one.rows for one in last))
    shares = [(one.loss or 0.0) / max(entropy, 1e-9) for one in judged]
    unlearned = UNLEARNED < min(shares) < INCOMPARABLE and not _falling(shares)
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
    if median(shares[len(shares) // 2 :]) <= UNLEARNED or min(shares) <= UNLEARNED_ONCE or _falling(shares):
        return ""
    return f"the held-out squared error stays at {shown(median(shares))} of the targets' variance, what their mean reaches"


def _falling(shares: Sequence[float]) -> bool:
    """The last evaluations are better than all before them."""
    before, last = min(shares[:-2]), shares[-2:]
    return min(last) < BELOW and (max(last) < before - FALLING or min(last) < before - LEAPT)
