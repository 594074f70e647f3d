"""Steps that are far too small."""

import math

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import STEADY, Trace

FEWEST_STEPS, USUAL = 50, 1e-3
UNMOVED, HIGH = 0.85, 0.6
"""The last loss over the first ones; of classes, over that of who knows nothing but how common each is."""
NOWHERE = 0.01
"""All steps together, as a share of the weights, by which nothing is learned: a loss that fell did so from batch to batch."""
SLOWEST, AT_CHANCE, FASTEST = STEADY[0], 2 * STEADY[0], 5.0
"""Steps that are too small, and where the loss is seen to stay near that of chance; how much larger some may be."""
DEAD = 0.9


@fault("rate-too-low", turn=120, severity="warning", about="slow", hides=("labels", "noise"), at_once=True)
def rate_too_low(trace: Trace) -> Found | None:
    """Weights hardly move, and the loss hardly falls."""
    fastest, ratio = trace.fastest, trace.ratio
    if trace.steps < FEWEST_STEPS or fastest is None or ratio is None or _without_slope(trace):
        return None
    told = trace.labels is not None  # then a loss that does not fall may be one that has fallen before: a trained net goes on
    unmoved = trace.late > UNMOVED * trace.early or fastest * trace.steps < NOWHERE
    stays = trace.late > HIGH * trace.base if told else unmoved
    slowest = AT_CHANCE if told else SLOWEST
    if ratio >= slowest or fastest >= FASTEST * slowest or not stays:
        return None
    times = f"about {_power(USUAL / ratio)}" if ratio > 0 else "1,000 or more"
    return Found(
        f"weights move by {shown(ratio)} of their size a step (0.001 to 0.03 is usual); "
        f"the loss went from {shown(trace.early)} to {shown(trace.late)} in {trace.steps:,} steps",
        f"steps 0 to {trace.steps - 1:,}",
        "at this rate it would take thousands of times as long",
        f"multiply the learning rate by {times}",
        "likely",
        f"a higher rate: --lr, or what --find-lr finds; {times} times as high",
    )


def _power(factor: float) -> str:
    return f"{10 ** round(math.log10(max(factor, 1))):,}"


def _without_slope(trace: Trace) -> bool:
    """Nothing passes dead units, at whatever rate."""
    return any((one.dead or 0.0) >= DEAD for one in trace.samples[-1].layers)
