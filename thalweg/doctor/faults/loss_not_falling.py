"""A loss that stays, or rises, at the level of chance."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, shown
from thalweg.doctor.trace import Trace

STEPS, ENDS = 200, 20
"""Steps over which it must not have fallen, and those at each end whose median counts."""
UNMOVED, RISEN, CHANCE = 0.995, 1.2, 0.97
"""The loss at the end over that 200 steps before; and over that of knowing nothing but how common each class is."""


@fault("loss-not-falling", turn=180, severity="warning", about="stuck", hides=(), alone=True)
def loss_not_falling(trace: Trace) -> Found | None:
    """The loss has stayed or risen for 200 steps, and says no more than how common each class is."""
    if trace.labels is None or not trace.points or trace.labels.entropy <= 0:
        return None
    last = trace.points[-1][0]
    begun = trace.between(last - STEPS - ENDS, last - STEPS)
    ended = trace.between(last - ENDS + 1, last + 1)
    if not begun or not ended:
        return None
    before, now = median(begun), median(ended)
    if now < UNMOVED * before or now < CHANCE * trace.labels.entropy:
        return None
    rose = now > RISEN * before
    return Found(
        f"the loss {'rose' if rose else 'stayed'} for {STEPS} steps: {shown(before)} to {shown(now)}; "
        f"{shown(trace.labels.entropy)} is what knowing the classes' shares alone gives",
        f"steps {last - STEPS:,} to {last:,}",
        "it is diverging" if rose else "it learns nothing that tells the classes apart",
        "a lower learning rate"
        if rose
        else "another learning rate (ten times lower, ten times higher); look at 20 inputs with labels",
        "likely",
        "another rate: --lr, or what --find-lr finds",
    )
