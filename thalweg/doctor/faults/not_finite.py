"""A loss that is not finite."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found
from thalweg.doctor.lines import NotFinite
from thalweg.doctor.trace import Trace

OVERFLOW = "a logarithm or root of 0, a division by 0, or numbers too large for their type"
FIXES = {
    "weights": "clip the gradient (torch.nn.utils.clip_grad_norm_), or a lower rate; look for a root or norm whose input is 0",
    "input": "fill or drop what is NaN or infinite before it is given to the net",
    "target": "fill or drop the targets that are NaN or infinite before the loss is taken",
    "output": f"look at what that layer is given: {OVERFLOW}; an epsilon, a clamp or a lower rate",
    "loss": f"look at the targets and at the loss: {OVERFLOW}",
}


@fault("not-finite", turn=165, severity="error", about="finite", hides=())
def not_finite(trace: Trace) -> Found | None:
    """The loss is not finite; what drove it there, where that is known, is a finding of its own before this one."""
    seen = trace.spoilt
    if seen is None:
        return None
    return Found(
        f"the loss is not finite at step {seen.step:,}: {_said(seen)}",
        f"step {seen.step:,}" + (f", {'parameter' if seen.what == 'weights' else 'layer'} {seen.layer}" if seen.layer else ""),
        "a step by its slope makes weights that are not finite, and nothing is learned from there on",
        FIXES[seen.what],
        "likely" if seen.what == "loss" else "sure",
    )


def _said(seen: NotFinite) -> str:
    if seen.what == "weights":
        return f"the step before left weights that are not, {seen.layer} first among them"
    if seen.what == "input":
        return f"what the net was given is not ({seen.places})"
    if seen.what == "target":
        return f"what its answers are held against is not ({seen.places})"
    if seen.what == "output":
        return f"the first layer whose output is not is {seen.layer or 'the net itself'} ({seen.type})"
    return "asked again, each layer's output was, so it came of the loss, the size of its targets, or what is drawn"
