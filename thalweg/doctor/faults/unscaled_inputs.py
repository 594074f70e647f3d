"""Inputs far from the size that nets are made for."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.lines import Layer
from thalweg.doctor.trace import Trace

LARGEST, SMALLEST = 10.0, 0.03
LARGE, ABOVE_CHANCE = 4.0, 1.5
"""Inputs that are large only where the first loss is that much above the loss of chance."""
SPREAD = 100.0
"""The widest feature's deviation over that of the median one."""


@fault(
    "unscaled-inputs",
    turn=60,
    severity="warning",
    about="scale",
    hides=("growth", "units", "slope", "fast", "slow", "labels", "capacity", "noise", "overfitting", "late"),
    at_once=True,
)
def unscaled_inputs(trace: Trace) -> Found | None:
    """The net's input is far from a size of one."""
    layers = trace.samples[0].layers if trace.samples else ()
    first = next((one for one in layers if one.given and one.rms is not None), None)
    if first is None or first.norm:
        return None
    what = _said(first, trace)
    if not what:
        return None
    return Found(
        what,
        f"the input of layer {first.name}",
        "initial weights and usual rates are made for inputs of about one: slopes are too large, or too small, by as much",
        "standardise the inputs: subtract the training mean, divide by the training standard deviation",
        "sure",
    )


def _said(first: Layer, trace: Trace) -> str:
    rms = first.rms or 0.0
    above = trace.at_chance is not None and trace.first > ABOVE_CHANCE * trace.at_chance
    small = first.nonzero is not None and first.nonzero < SMALLEST  # a few ones among zeros are no small input
    if rms > LARGEST or small or (rms > LARGE and above):
        return f"the inputs have a root mean square of {shown(rms)}; about 1 is expected"
    if first.spread is not None and first.spread > SPREAD:
        return f"the widest input feature varies {shown(first.spread)} times as much as the median one"
    return ""
