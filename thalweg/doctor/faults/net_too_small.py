"""A net that cannot learn even a few examples."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, shown
from thalweg.doctor.trace import Trace

FEWEST_STEPS, HIGH, LEARNED = 100, 0.35, 0.5
"""Steps; training loss over the entropy of the labels; the probe's last loss over its first."""
FEW, HIGH_OF_FEW, LEARNED_BY_FEW = 2, 0.15, 0.2
"""Units of a layer that another takes in: then less is asked for."""
ONE, SEVERAL = 1, 3
"""Numbers from which all of an answer comes, and classes for which they cannot be enough: what lies behind may learn a few
examples by heart through them, so that the probe's loss says nothing."""

HEART = "what cannot be learned by heart cannot be learned at all"


@fault("net-too-small", turn=140, severity="warning", about="capacity", hides=("noise",))
def net_too_small(trace: Trace) -> Found | Unprobed | None:
    """The net cannot memorise a small batch."""
    narrowest = trace.narrowest
    few = narrowest is not None and narrowest <= FEW
    unknowing = _unknowing(trace, few=few)
    if trace.steps < FEWEST_STEPS or unknowing is None or trace.late <= (HIGH_OF_FEW if few else HIGH) * unknowing:
        return None
    probe = trace.probe
    if probe is None:
        return Unprobed()
    if probe.first is None or probe.last is None:
        return None
    if few and probe.through == ONE and (trace.classes or 0) >= SEVERAL:
        what = f"all of its {trace.classes} answers come from one number, which a layer of one unit gives"
        return _found(trace, what, "what tells several classes apart hardly fits into one number")
    if probe.last - probe.least <= (LEARNED_BY_FEW if few else LEARNED) * (probe.first - probe.least):
        return None
    width = f"; its narrowest layer has {narrowest:,} units" if narrowest else ""
    return _found(
        trace, f"it cannot memorise {probe.rows} examples (loss {shown(probe.first)} to {shown(probe.last)}){width}", HEART
    )


def _found(trace: Trace, what: str, why: str) -> Found:
    return Found(
        what,
        f"the whole net; training loss {shown(trace.late)} after {trace.steps:,} steps",
        why,
        "widen the narrowest layers, or add some",
        "likely",
        "a larger --model, or more units: --set model....",
    )


def _unknowing(trace: Trace, *, few: bool) -> float | None:
    """The loss of who knows nothing of the inputs; of numbers only where a layer has few units, None elsewhere."""
    if trace.labels is not None and trace.answers is not None and trace.answers.hard:
        return trace.labels.entropy
    variance = trace.held_out[-1].variance if trace.held_out and trace.labels is None else None
    return variance if few else None
