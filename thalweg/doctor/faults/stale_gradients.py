"""Gradients that nothing clears between steps."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found
from thalweg.doctor.trace import Trace

FEWEST, SHARE = 5, 0.2
"""Intervals between steps that must have been watched, and the share of them without clearing."""


@fault(
    "stale-gradients",
    turn=10,
    severity="error",
    about="pipeline",
    hides=("units", "slope", "fast", "slow", "labels", "capacity", "noise", "overfitting", "late"),
    at_once=True,
)
def stale_gradients(trace: Trace) -> Found | None:
    """Gradients are never cleared, so each step repeats all earlier ones."""
    compared, stale = sum(run.compared for run in trace.runs), sum(run.stale for run in trace.runs)
    if compared < FEWEST or stale < SHARE * compared:
        return None
    return Found(
        f"gradients were not cleared before {stale:,} of {compared:,} steps",
        "between optimizer.step() and the next backward()",
        "each step repeats the slopes of all steps before it",
        "call optimizer.zero_grad() before loss.backward()",
        "certain",
    )
