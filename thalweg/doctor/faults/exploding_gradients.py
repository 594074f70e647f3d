"""Gradients that grow a thousandfold on the way."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.sampled import ENDLESS
from thalweg.doctor.trace import EARLY, Trace

GROWN = 1000.0
"""The norm of a gradient over the median of the first samples'."""
FEWEST_SAMPLES, TOLD = 3, 6


@fault("exploding-gradients", turn=115, severity="warning", about="growth", hides=("late",), at_once=True)
def exploding_gradients(trace: Trace) -> Found | None:
    """The gradient becomes a thousand times as long as it was."""
    known = [(one.step, one.norm) for one in trace.samples if one.norm is not None]
    usual = median(norm for _, norm in known[:EARLY]) if len(known) >= FEWEST_SAMPLES else 0.0
    step, largest = max(known, key=lambda pair: pair[1], default=(0, 0.0))
    if usual <= 0 or largest <= GROWN * usual:
        return None
    history = ", ".join(f"{_norm(norm)} at step {at:,}" for at, norm in known[-TOLD:])
    return Found(
        f"the norm of the gradient was {shown(usual)} at first and {_norm(largest)} at step {step:,} ({history})",
        f"step {step:,}",
        "one such step undoes what all before it learned",
        "clip it: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0) before optimizer.step(); a lower learning rate",
        "sure",
        "clip it: --set rule.clip=1; or a lower --lr",
    )


def _norm(value: float) -> str:
    return "not finite" if value >= ENDLESS else shown(value)
