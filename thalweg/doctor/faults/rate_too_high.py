"""Steps that are far too large."""

import math

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import Trace

LARGEST, USUAL = 0.1, 0.01
"""Steps as a share of the weights: too large, and usual."""
HIGHEST, STUCK, LEAPT = 3.0, 0.9, 1.3
"""The highest and the last loss over the first; and the highest where the last says little: labels may be at fault."""
LEARNED = 0.6
"""The last loss over the first where the training has learned, if it says more than what the targets are like in all, whatever
its loss rose to on the way."""
FEWEST_SAMPLES, FEWEST_STEPS = 3, 10


@fault("rate-too-high", turn=110, severity="warning", about="fast", hides=("late", "labels", "growth"), at_once=True)
def rate_too_high(trace: Trace) -> Found | None:
    """Steps change weights by a tenth and more, and the loss rises or stays."""
    ratio = trace.fastest
    diverged = trace.diverged is not None
    if ratio is None or ratio <= LARGEST:
        return None
    if not diverged and (len(trace.ratios) < FEWEST_SAMPLES or len(trace.losses) < FEWEST_STEPS):
        return None
    highest = max((one for one in trace.losses if math.isfinite(one)), default=math.inf)
    said = _course(trace, highest)
    if not said:
        return None
    return Found(
        f"steps change weights by {shown(ratio)} of their size (0.001 to 0.03 is usual), and {said}",
        f"step {_step(trace, ratio):,}, loss {shown(trace.first)} at first",
        "each step leaps over what it aims at",
        f"divide the learning rate by about {_rounded(ratio / USUAL)}",
        "sure" if diverged or trace.late > STUCK * trace.first else "likely",
        f"a lower rate: --lr, or what --find-lr finds; about {_rounded(ratio / USUAL)} times lower",
    )


def _step(trace: Trace, ratio: float) -> int:
    """The first that moved the weights so far."""
    return next(one.step for one in trace.samples if one.ratio is not None and one.ratio >= ratio)


def _course(trace: Trace, highest: float) -> str:
    if trace.diverged is not None:
        return f"the loss is not finite at step {trace.diverged:,}"
    if highest > HIGHEST * abs(trace.first) and not _learned(trace):
        return f"the loss rose from {shown(trace.first)} to {shown(highest)} at its highest, and is {shown(trace.late)} at last"
    if trace.late > STUCK * trace.first and highest > LEAPT * trace.first:
        return f"the loss stays: {shown(trace.first)} at first, {shown(trace.late)} at last"
    return ""


def _learned(trace: Trace) -> bool:
    return trace.late <= LEARNED * trace.first and trace.late <= STUCK * (trace.unknowing or math.inf)


def _rounded(factor: float) -> str:
    if not math.isfinite(factor):
        return "100"
    power = 10 ** max(0, math.floor(math.log10(factor)))
    return f"{round(factor / power) * power:,}"
