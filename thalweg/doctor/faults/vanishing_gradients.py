"""Gradients that fade on their way to the first layers."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.lines import Layer, Sample
from thalweg.doctor.trace import EARLY, Trace

LEAST = 1e-4
"""First over last: healthy nets stay above 0.04."""
FEWEST_SAMPLES, FEWEST_LAYERS = 3, 3
DEAD = 0.9


@fault(
    "vanishing-gradients",
    turn=100,
    severity="warning",
    about="slope",
    hides=("fast", "slow", "capacity", "labels", "noise", "late"),
    at_once=True,
)
def vanishing_gradients(trace: Trace) -> Found | None:
    """The gradient of the first layers is a ten-thousandth of that of the last, or less."""
    silent = [one for one in trace.samples[-FEWEST_SAMPLES:] if _learning(one) and not any(map(_gradient, one.layers))]
    if len(silent) == FEWEST_SAMPLES and not _dead(silent[-1]):
        return _none_at_all(silent, late=any(map(_gradient, trace.samples[0].layers)))
    shares = [share for share in (_share(one) for one in trace.samples[:EARLY]) if share is not None]
    if len(shares) < FEWEST_SAMPLES or median(shares) >= LEAST:
        return None
    first, last = _ends(trace.samples[len(shares) - 1])
    return Found(
        f"the gradient of {first.name} is {shown(median(shares))} of that of {last.name}",
        f"layer {first.name} of {len(_learning(trace.samples[0]))} layers",
        "steps of one rate then hardly move the first layers, which see the input",
        "ReLU instead of sigmoid or tanh, normalisation between layers, residual connections",
        "sure",
        late=shares[0] >= LEAST,  # steps far too large drive units to their flat ends
    )


def _none_at_all(silent: list[Sample], *, late: bool) -> Found:
    names = [one.name for one in _learning(silent[-1])]
    return Found(
        f"the gradients of all {len(names)} layers are 0 in steps {', '.join(f'{one.step:,}' for one in silent)}",
        f"layers {', '.join(names[:4])}{' ...' if len(names) > 4 else ''}",
        "the loss does not change with any weight: nothing is learned",
        "look for round, argmax, sign or a comparison between the net and the loss",
        "certain",
        late=late,
    )


def _dead(sample: Sample) -> bool:
    return any((one.zero or 0.0) >= DEAD for one in sample.layers)


def _gradient(layer: Layer) -> float:
    return layer.gradient or 0.0


def _learning(sample: Sample) -> list[Layer]:
    return [one for one in sample.layers if one.gradient is not None]


def _ends(sample: Sample) -> tuple[Layer, Layer]:
    """The layer with the least gradient of the first third, and that with the largest of the last two."""
    layers = _learning(sample)
    weakest = min(layers[: max(1, len(layers) // 3)], key=lambda one: one.gradient or 0.0)
    return weakest, max(layers[-2:], key=lambda one: one.gradient or 0.0)


def _share(sample: Sample) -> float | None:
    if len(_learning(sample)) < FEWEST_LAYERS:
        return None
    first, last = _ends(sample)
    if not last.gradient or first.gradient is None:
        return None
    if first.gradient == 0 and _dead(sample):
        return None  # nothing passes dead units: that is another fault
    return first.gradient / last.gradient
