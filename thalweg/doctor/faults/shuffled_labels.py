"""Labels that do not belong to their inputs."""

import math
from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, percent, shown
from thalweg.doctor.lines import Evaluation
from thalweg.doctor.trace import Trace

FEWEST, DEVIATIONS = 3, 2.5
"""Evaluations; and how many standard errors above chance an accuracy may lie and still be chance."""
UNLEARNED, FALLING = 0.96, 0.004
"""Held-out loss over the entropy of the labels; and what it must have fallen by, between the last evaluations, to go on."""
LEARNED = 0.5
"""The probe's last loss over its first, where it learned its few examples."""


@fault("shuffled-labels", turn=130, severity="warning", about="labels", hides=("overfitting", "noise", "late"))
def shuffled_labels(trace: Trace) -> Found | Unprobed | None:
    """Held-out accuracy stays at chance although the net can learn single batches."""
    judged = [one for one in trace.held_out if one.errors is not None and one.rows]
    if len(judged) < FEWEST or trace.labels is None or not trace.works:
        return None
    last = judged[len(judged) // 2 :]
    accuracy = median(1 - (one.errors or 0) / one.rows for one in last)
    entropy, chance = trace.labels.entropy, trace.chance
    by_chance = chance + DEVIATIONS * math.sqrt(chance * (1 - chance) / max(one.rows for one in last))
    best = min(one.loss or 0.0 for one in judged)
    if accuracy > by_chance or best <= UNLEARNED * entropy or _falling(judged, entropy):
        return None
    probe = trace.probe
    if probe is None:
        return Unprobed()
    if probe.last is None or probe.first is None or probe.last > LEARNED * probe.first:
        return None
    return Found(
        f"held-out accuracy stays at chance ({percent(accuracy)}, chance {percent(chance)}), "
        f"yet {probe.rows} examples are learned by heart (loss {shown(probe.first)} to {shown(probe.last)})",
        f"evaluations after steps {judged[0].step:,} to {judged[-1].step:,}",
        "labels do not fit their inputs, or the inputs say nothing about them",
        "look at 20 pairs of input and label: is one side shuffled, sorted or shifted against the other?",
        "likely",
    )


def _falling(judged: list[Evaluation], entropy: float) -> bool:
    return (judged[-1].loss or 0.0) < (judged[-3].loss or 0.0) - FALLING * entropy
