"""Sigmoid and tanh units at the flat ends of their curve."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, percent
from thalweg.doctor.trace import Trace

MANY = 0.5
"""Share of values at the flat ends."""


@fault(
    "saturated-units",
    turn=90,
    severity="warning",
    about="units",
    hides=("slope", "capacity", "slow", "labels", "noise"),
    at_once=True,
)
def saturated_units(trace: Trace) -> Found | None:
    """Half of the values of a tanh or sigmoid lie where its slope is nearly zero."""
    if not trace.samples:
        return None
    last = trace.samples[-1]
    begun = {one.name: one.flat or 0.0 for one in trace.samples[0].layers}
    flat = [one for one in last.layers if (one.flat or 0.0) >= MANY]
    flat = [one for one in flat if trace.stays_high or begun.get(one.name, 0.0) >= MANY]
    if not flat:
        return None
    worst = max(flat, key=lambda one: one.flat or 0.0)
    late = begun.get(worst.name, 0.0) < MANY
    return Found(
        f"{percent(worst.flat or 0.0)} of the values of {worst.maker} before {worst.name} lie at its flat ends",
        f"the input of layer {worst.name}, " + ("by step " + f"{last.step:,}" if late else "since the first step"),
        "its slope there is nearly zero, so that what lies before it hardly learns",
        "lower the learning rate" if late else "smaller initial weights (nn.init.xavier_uniform_) and standardised inputs",
        "likely" if late else "sure",
        late=late,
    )
