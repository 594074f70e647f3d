"""Held-out loss that rises while training loss falls."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import Trace

FEWEST = 3
GAP, HALF, RISE = 0.25, 0.5, 1.08
"""Of the base, held-out above training loss; training over held-out loss at most; held-out loss over its own best."""
SMALL_GAP, TENTH, LARGE_RISE = 0.08, 0.1, 1.1
"""The same where training loss has all but gone: a small gap counts if held-out loss clearly rose."""
BY_HEART, FAR = 0.02, 0.15
"""Of the base, a training loss that is learned by heart, and a gap that is large even if held-out loss never rose."""


@fault("overfitting", turn=160, severity="warning", about="overfitting", hides=())
def overfitting(trace: Trace) -> Found | None:
    """The net learns its training examples by heart."""
    judged = trace.held_out
    if len(judged) < FEWEST or not trace.losses or trace.base <= 0 or not _learned(trace):
        return None
    best = min(judged, key=lambda one: one.loss or 0.0)
    low, last = best.loss or 0.0, median(one.loss or 0.0 for one in judged[-3:])
    rose = last > RISE * low
    if not (_rising(trace, low, last) or _by_heart(trace, last)):
        return None
    return Found(
        f"held-out loss {'rose from ' + shown(low) + ' to' if rose else 'stays at'} {shown(last)} "
        f"while training loss fell to {shown(trace.late)}",
        f"since step {best.step:,}",
        "it learns the training examples by heart",
        f"stop at about step {best.step:,}; then more data, augmentation, or weight decay",
        "sure",
        "the best weights were kept; more data, --augment, or --set rule.optimizer.decay=0.1",
    )


def _learned(trace: Trace) -> bool:
    """Training answers are better than those of who knows no more than what the targets are like in all."""
    return trace.late < (trace.unknowing or trace.base)


def _rising(trace: Trace, low: float, last: float) -> bool:
    """Held-out loss turned and lies above training loss."""
    gap = (last - trace.late) / trace.base
    clearly = gap > GAP and trace.late < HALF * last and last > RISE * low
    return clearly or (gap > SMALL_GAP and trace.late < TENTH * last and last > LARGE_RISE * low)


def _by_heart(trace: Trace, last: float) -> bool:
    """Nothing is left to learn, and held-out loss is far from that."""
    return trace.late < BY_HEART * trace.base and (last - trace.late) / trace.base > FAR
