"""Held-out loss that rises while training loss falls."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import Trace

FEWEST = 3
GAP, HALF, RISE = 0.25, 0.5, 1.05
"""Of the base, held-out above training loss; training over held-out loss at most; held-out loss over its own best."""


@fault("overfitting", turn=160, severity="warning", about="overfitting", hides=())
def overfitting(trace: Trace) -> Found | None:
    """The net learns its training examples by heart."""
    judged = trace.held_out
    if len(judged) < FEWEST or not trace.losses or trace.base <= 0:
        return None
    best = min(judged, key=lambda one: one.loss or 0.0)
    low, last = best.loss or 0.0, median(one.loss or 0.0 for one in judged[-3:])
    apart = (last - trace.late) / trace.base > GAP and trace.late < HALF * last
    if not apart or last <= RISE * low:
        return None
    return Found(
        f"held-out loss rose from {shown(low)} to {shown(last)} while training loss fell to {shown(trace.late)}",
        f"since step {best.step:,}",
        "it learns the training examples by heart",
        f"stop at about step {best.step:,}; then more data, augmentation, or weight decay",
        "sure",
    )
