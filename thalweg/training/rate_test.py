"""The learning-rate range test: the rate rises at every step, and the loss tells where it learns and where it is thrown off.

Reference: Smith 2017, arXiv:1506.01186, section 3.3. There the rate rises by equal amounts; here by equal factors, since what
suits may lie anywhere between a millionth and ten. No clock is read: equal seeds find equal rates.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

from thalweg.core.errors import UsageRefusal
from thalweg.optimizers._descent import Descent, LineSearch
from thalweg.training.stage import Stage
from thalweg.training.trial import one_step, taken_back, within_memory

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 141
"""Twenty to each power of ten."""
SPAN = 7
"""Steps to either side over which losses are averaged: a running mean of those before alone lags by half a power of ten."""
BOUND = 1.5
"""Times the largest of the first losses, beyond which a loss counts for no more, so that the last ones do not hide the rest."""
KEPT = 0.9
"""Share of what was before in the running mean by which it is told that the loss is thrown off."""
THROWN_OFF = 3.0
"""Times the way from the best loss up to the first one, beyond which nothing more is to be seen."""
BELOW = 10.0
"""The rate suggested is that of the lowest loss divided by this: what one step bears, many would not. Where the loss falls
fastest is no better guide: on tables that is 2 to 7 times the rate that suits them (LOG.md)."""
FALL = 0.02
"""Share of the first loss by which it must fall for a rate to be suggested."""


def rate_test(stage: Stage) -> dict[str, Any]:
    """Rates, losses, the suggestion and why, as JSON values; what is learned on the way is forgotten.

    Raises:
        UsageRefusal: the rule has no rate.
    """
    descents = _descents(stage)
    share = stage.rule.context.processes.share
    rates = [LOWEST * (HIGHEST / LOWEST) ** (i / (STEPS - 1)) for i in range(STEPS)]
    usual = max(descent.rate for descent in descents)
    losses: list[float] = []
    with taken_back(stage):
        at = stage.progress.position
        stage.begin()
        for rate in rates:
            for descent in descents:
                descent.go_by(partial(_always, rate / usual))
            loss = float(share(within_memory(stage, partial(one_step, stage, at))))
            losses.append(loss)
            if not math.isfinite(loss) or _thrown_off(losses):
                break
            at = at.advanced(stage.progress.length)
    return {"usual": usual} | told(rates[: len(losses)], losses)


def _always(share: float, step: int, total: int) -> float:
    """A schedule that stays where it is."""
    return share


def told(rates: Sequence[float], losses: Sequence[float]) -> dict[str, Any]:
    """What losses at rising rates say: the rate to take, and why."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    curve = smoothed(finite)
    found: dict[str, Any] = {"rates": [float(f"{rate:.4g}") for rate in rates[: len(curve)]]}
    found |= {"losses": [float(f"{loss:.6g}") for loss in finite], "smoothed": [float(f"{loss:.6g}") for loss in curve]}
    if len(curve) < 3 or min(curve) > curve[0] - FALL * abs(curve[0]):
        return found | {"suggested": None, "why": "at no rate did the loss fall by as much as it varies"}
    lowest = min(range(len(curve)), key=curve.__getitem__)
    end = f"; at {rates[len(losses) - 1]:.2g} it was thrown off" if len(losses) < STEPS else ""
    why = f"the loss is lowest at {rates[lowest]:.2g}, and a tenth of that bears a whole training{end}"
    return found | {"suggested": float(f"{rates[lowest] / BELOW:.1g}"), "why": why}


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean over the steps around each one, so that the curve does not lag behind the rate."""
    bound = BOUND * max(map(abs, losses[:SPAN]), default=0.0)
    held = [min(loss, bound) for loss in losses]
    around = [held[max(i - SPAN, 0) : i + SPAN + 1] for i in range(len(held))]
    return [sum(one) / len(one) for one in around]


def _thrown_off(losses: Sequence[float]) -> bool:
    """The running mean of what was seen so far has left its best for good."""
    curve, mean = [], 0.0
    for count, loss in enumerate(losses, 1):
        mean = KEPT * mean + (1 - KEPT) * loss
        curve.append(mean / (1 - KEPT**count))
    best = min(curve)
    return len(curve) > 10 and curve[-1] > max(best + THROWN_OFF * (curve[0] - best), best + 0.5 * abs(best), curve[0])


def _descents(stage: Stage) -> list[Descent]:
    found = [one for one in stage.rule.learned.values() if isinstance(one, Descent) and not isinstance(one, LineSearch)]
    if found:
        return found
    name = stage.rule.declaration.name  # type: ignore[attr-defined]
    searches = any(isinstance(one, LineSearch) for one in stage.rule.learned.values())
    raise UsageRefusal(
        "FIND_LR_NO_RATE",
        "the optimizer finds its own rate along each line" if searches else f"the rule {name} has no learning rate",
        where="--find-lr",
        why="there is nothing to look for",
        fix="leave it out" + (", or another optimizer such as adamw" if searches else ""),
    )
