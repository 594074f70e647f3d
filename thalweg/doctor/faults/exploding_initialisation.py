"""Weights that begin far too large."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import Trace

GAIN, USUAL = 2.5, 0.58
"""Standard deviation times the root of the fan-in: what is too large, and what layers of torch begin with."""
ABOVE_CHANCE, WIDEST = 1.5, 10.0
"""The first loss over that of chance; without classes, the standard deviation of the answers."""


@fault(
    "exploding-initialisation",
    turn=70,
    severity="warning",
    about="scale",
    hides=("growth", "units", "slope", "fast", "slow", "labels", "capacity", "noise", "overfitting", "late"),
    at_once=True,
)
def exploding_initialisation(trace: Trace) -> Found | None:
    """A layer's initial weights are so large that the first answers are far off."""
    matrices = [one for one in trace.net.matrices if one.gain is not None and not one.looked_up] if trace.net else []
    if not matrices or not trace.samples:
        return None
    worst = max(matrices, key=lambda one: one.gain or 0.0)
    said = _too_far_off(trace)
    if (worst.gain or 0.0) <= GAIN or not said:
        return None
    return Found(
        f"{said}: the weights of {worst.layer} begin about {shown((worst.gain or 0.0) / USUAL)} times too large",
        f"layer {worst.layer}, before the first step",
        "signals and slopes grow from layer to layer, and the first steps undo what chance wrote",
        "initialise as the layer does by itself, or by nn.init.kaiming_uniform_",
        "sure",
    )


def _too_far_off(trace: Trace) -> str:
    if trace.at_chance is not None:
        above = trace.first > ABOVE_CHANCE * trace.at_chance
        return f"the first loss is {shown(trace.first)}, that of chance {shown(trace.at_chance)}" if above else ""
    deviation = trace.answers.deviation if trace.answers is not None else None
    if deviation is None or deviation <= WIDEST:
        return ""
    return f"the first answers have a standard deviation of {shown(deviation)}"
