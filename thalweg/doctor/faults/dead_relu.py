"""Rectified units that are zero for every example."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, percent
from thalweg.doctor.lines import Layer
from thalweg.doctor.trace import Trace

FEWEST_SAMPLES, FEWEST_SEEN, FEWEST_UNITS, NARROWEST = 5, 64, 8, 3
MOST, MANY = 0.9, 0.5
"""Share of dead units at any time, and where the loss stays high as well."""


@fault(
    "dead-relu",
    turn=80,
    severity="warning",
    about="units",
    hides=("slope", "capacity", "slow", "labels", "noise"),
    at_once=True,
)
def dead_relu(trace: Trace) -> Found | None:
    """Most units before a layer are zero in all examples, so that no slope passes."""
    if len(trace.samples) < FEWEST_SAMPLES or (trace.narrowest or NARROWEST) < NARROWEST:
        return None
    last = trace.samples[-1]
    least = MANY if trace.stays_high else MOST
    dead = [one for one in last.layers if (one.dead or 0.0) >= least and _told(one)]
    if not dead:
        return None
    worst = max(dead, key=lambda one: one.dead or 0.0)
    begun = next((one.zero for one in trace.samples[0].layers if one.name == worst.name), None)
    late = (begun or 0.0) < MOST  # of any net's units some half are off at the start
    return Found(
        f"{percent(worst.dead or 0.0)} of {worst.units:,} units before {worst.name} are zero in all {worst.seen:,} examples",
        f"the input of layer {worst.name}, " + ("as far as step " + f"{last.step:,}" if late else "since the first step"),
        "no slope passes through a unit that is always zero: it will not come back, and what lies before it learns nothing",
        "lower the learning rate, or take nn.LeakyReLU"
        if late
        else "start biases at 0 and weights as the layer does by itself; nn.LeakyReLU lets slopes pass",
        "likely" if late else "sure",
        late=late,
    )


def _told(layer: Layer) -> bool:
    return layer.seen >= FEWEST_SEEN and layer.units >= FEWEST_UNITS
