"""A net that cannot learn even a few examples."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, counted, shown
from thalweg.doctor.heart import Left, few, most_left
from thalweg.doctor.trace import Trace

FEWEST_STEPS, HIGH, HIGH_OF_ONE = 100, 0.35, 0.15
"""Steps; training and held-out loss over that of who knows nothing of the inputs, what cannot be known left out; the former
where all answers come from one number."""
ONE, SEVERAL = 1, 3
"""Numbers from which all of an answer comes, and classes for which they cannot be enough: what lies behind may learn a few
examples by heart through them, so that the probe's loss says nothing."""

HEART = "what a net cannot fit in so few examples it hardly fits in all of them"


@fault("net-too-small", turn=140, severity="warning", about="capacity", hides=("noise",))
def net_too_small(trace: Trace) -> Found | Unprobed | None:
    """The net cannot memorise a small batch."""
    narrowest = trace.narrowest
    unknowing = _unknowing(trace)
    if trace.steps < FEWEST_STEPS or unknowing is None or trace.late <= (HIGH_OF_ONE if few(narrowest) else HIGH) * unknowing:
        return None
    probe = trace.probe
    if probe is None:
        return Unprobed()
    left = Left.by(probe, unknowing)
    if left is None:
        return None
    if few(narrowest) and probe.through == ONE and (trace.classes or 0) >= SEVERAL:
        what = f"all of its {trace.classes} answers come from one number, which a layer of one unit gives"
        return _found(trace, what, "what tells several classes apart hardly fits into one number")
    best = min([trace.late, *(one.loss or 0.0 for one in trace.held_out)])
    if best - probe.least <= HIGH * (unknowing - probe.least) or not _failed(trace, left):
        return None
    width = f"; its narrowest layer has {counted(narrowest, 'unit')}" if narrowest else ""
    rows = counted(probe.rows, "example")
    return _found(trace, f"it cannot memorise {rows} (loss {shown(probe.first)} to {shown(probe.last)}){width}", HEART)


def _failed(trace: Trace, left: Left) -> bool:
    """It was not learned by heart; the first loss of one number a row is mostly that of its mean, to which any net comes."""
    most, number = most_left(trace.narrowest), trace.labels is None and trace.held_out[-1].columns == 1
    return left.of_unknowing > most if number else left.failed(most)


def _found(trace: Trace, what: str, why: str) -> Found:
    return Found(
        what,
        f"the whole net; training loss {shown(trace.late)} after {trace.steps:,} steps",
        why,
        "widen the narrowest layers, or add some",
        "likely",
        "a larger --model, or more units: --set model....",
    )


def _unknowing(trace: Trace) -> float | None:
    """The loss of who knows nothing of the inputs; of numbers only where a layer has few units, None elsewhere."""
    if trace.labels is not None and trace.answers is not None and trace.answers.hard:
        return trace.unknowing
    return trace.unknowing if few(trace.narrowest) and trace.labels is None else None
