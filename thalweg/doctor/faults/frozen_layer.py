"""Layers that never change and still hold what they were drawn with."""

from thalweg.core.registry import fault
from thalweg.doctor.found import Found
from thalweg.doctor.trace import Trace

FEWEST = 5
"""Steps before a layer that stood still is remarkable."""


@fault("frozen-layer", turn=50, severity="warning", about="frozen", hides=("capacity",), at_once=True)
def frozen_layer(trace: Trace) -> Found | None:
    """A layer never changes and still holds random values."""
    stills = trace.stills.matrices if trace.stills is not None else ()
    if trace.steps < FEWEST or not stills:
        return None
    told = [one for one in stills if one.random or (one.random is None and one.learns)]
    if not told or any(one.random is False for one in stills):
        return None  # some of what stands still was learned elsewhere: frozen on purpose
    layers = list(dict.fromkeys(one.layer for one in told))
    more = f" and {len(layers) - 3} more" if len(layers) > 3 else ""
    several = len(layers) > 1
    return Found(
        f"{', '.join(layers[:3])}{more} never {'change' if several else 'changes'} "
        f"and still hold{'' if several else 's'} random values: {told[0].reason}",
        f"layer {layers[0]}",
        "it passes its input on at random, and all other layers learn around it",
        _fix(told[0].reason),
        "likely",
    )


def _fix(reason: str) -> str:
    if "optimizer" in reason:
        return "give its parameters to the optimizer: torch.optim.Adam(model.parameters())"
    if "requires_grad" in reason:
        return "let it learn: layer.requires_grad_(True), before the optimizer is made"
    if "rate" in reason:
        return "give its group of parameters a learning rate above 0"
    return "look for detach(), .data, .numpy() or torch.no_grad() between it and the loss"
