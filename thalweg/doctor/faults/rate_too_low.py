"""Steps that are far too small."""

import math

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import STEADY, Trace

FEWEST_STEPS, UNMOVED, USUAL = 50, 0.85, 1e-3


@fault("rate-too-low", turn=120, severity="warning", about="slow", hides=("labels", "noise"))
def rate_too_low(trace: Trace) -> Found | None:
    """Weights hardly move, and the loss hardly falls."""
    early, ratio = trace.early_ratio, trace.ratio
    if trace.steps < FEWEST_STEPS or early is None or ratio is None or max(early, ratio) >= STEADY[0]:
        return None
    if trace.late <= UNMOVED * trace.early:
        return None
    times = f"about {_power(USUAL / ratio)}" if ratio > 0 else "1,000 or more"
    return Found(
        f"weights move by {shown(ratio)} of their size a step (0.001 to 0.03 is usual); "
        f"the loss went from {shown(trace.early)} to {shown(trace.late)} in {trace.steps:,} steps",
        f"steps 0 to {trace.steps - 1:,}",
        "at this rate it would take thousands of times as long",
        f"multiply the learning rate by {times}",
        "likely",
    )


def _power(factor: float) -> str:
    return f"{10 ** round(math.log10(max(factor, 1))):,}"
