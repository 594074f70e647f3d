"""A net that cannot learn even a few examples."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, Unprobed, shown
from thalweg.doctor.trace import Trace

FEWEST_STEPS, HIGH, LEARNED = 100, 0.35, 0.5
"""Steps; training loss over the entropy of the labels; the probe's last loss over its first."""


@fault("net-too-small", turn=140, severity="warning", about="capacity", hides=("noise",))
def net_too_small(trace: Trace) -> Found | Unprobed | None:
    """The net cannot memorise a small batch."""
    if trace.steps < FEWEST_STEPS or trace.labels is None or trace.answers is None or not trace.answers.hard:
        return None
    if trace.late <= HIGH * trace.labels.entropy:
        return None
    probe = trace.probe
    if probe is None:
        return Unprobed()
    if probe.first is None or probe.last is None or probe.last <= LEARNED * probe.first:
        return None
    narrowest = trace.net.narrowest if trace.net else None
    width = f"; its narrowest layer has {narrowest:,} units" if narrowest else ""
    return Found(
        f"it cannot memorise {probe.rows} examples (loss {shown(probe.first)} to {shown(probe.last)}){width}",
        f"the whole net; training loss {shown(trace.late)} after {trace.steps:,} steps",
        "what cannot be learned by heart cannot be learned at all",
        "widen the narrowest layers, or add some",
        "likely",
    )
