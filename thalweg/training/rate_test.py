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
from thalweg.training.trial import one_step, taken_back

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 141
"""Twenty to each power of ten."""
SMOOTH = 0.9
"""Share of what was before in the running mean of the losses."""
THROWN_OFF = 3.0
"""Times the way from the best loss up to the first one, beyond which nothing more is to be seen."""
BELOW = 10.0
"""The rate suggested is that of the lowest loss divided by this: what one step bears, many would not."""
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
        stage.rule.begin(stage.batches, at)
        for rate in rates:
            for descent in descents:
                descent.go_by(partial(_always, rate / usual))
            loss = float(share(one_step(stage, at)))
            losses.append(loss)
            if not math.isfinite(loss) or _thrown_off(smoothed(losses)):
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
    steepest = _steepest(curve[: lowest + 1])
    place = max(_nearest(rates, rates[lowest] / BELOW), min(steepest, lowest))
    suggested = float(f"{min(rates[place], rates[lowest] / 2):.1g}")
    end = f"; at {rates[len(losses) - 1]:.2g} it was thrown off" if len(losses) < STEPS else ""
    why = f"the loss falls fastest at {rates[steepest]:.2g} and is lowest at {rates[lowest]:.2g}{end}"
    return found | {"suggested": suggested, "why": why}


def smoothed(losses: Sequence[float]) -> list[float]:
    """The running mean, freed of its beginning at zero."""
    means, mean = [], 0.0
    for count, loss in enumerate(losses, 1):
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        means.append(mean / (1 - SMOOTH**count))
    return means


def _thrown_off(curve: Sequence[float]) -> bool:
    best = min(curve)
    return len(curve) > 10 and curve[-1] > max(best + THROWN_OFF * (curve[0] - best), best + 0.5 * abs(best), curve[0])


def _steepest(curve: Sequence[float]) -> int:
    """Where the loss falls fastest by factors of the rate, over a quarter of a power of ten to either side."""
    wide = 5
    falls = [curve[max(i - wide, 0)] - curve[min(i + wide, len(curve) - 1)] for i in range(len(curve))]
    return max(range(len(falls)), key=falls.__getitem__)


def _nearest(rates: Sequence[float], rate: float) -> int:
    return min(range(len(rates)), key=lambda i: abs(math.log(rates[i] / rate)))


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
