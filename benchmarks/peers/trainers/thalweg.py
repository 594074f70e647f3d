"""thalweg by its own door: `tw.train` on the arrays, without the check of the data and without baselines.

It evaluates each epoch on 64 rows, writes checkpoints, package and report, as every run does. The rate of epochs is measured by
a listener in `fit`, which `tw.train` calls.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers.job import Clock, Job, Tool, Variant, Workload

if TYPE_CHECKING:
    from thalweg.rules._rule import Rule
    from thalweg.training.loop import Progress

VARIANTS: tuple[Variant, ...] = (
    Variant("probe32", 'precision="float32"', usual=True, builds=True),
    Variant("plain", 'speed="plain"'),
    Variant("probe", "as by default", precision="as probed", builds=True),
)
SPEED: Mapping[str, Mapping[str, Any]] = {
    "plain": {"speed": "plain", "precision": "float32"},
    "probe32": {"speed": "probe", "precision": "float32"},
    "probe": {"speed": "probe"},
}


class Thalweg(Tool):
    """The verb for a whole training; `fit` beneath it where epochs are timed."""

    title = "thalweg"
    needs = ("thalweg",)
    apart = True
    variants = VARIANTS

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        return {"THALWEG_HOME": str(cache), "XDG_CACHE_HOME": str(cache)}

    def refuses(self, workload: Workload) -> str:
        return ""

    def train(self, job: Job, clock: Clock) -> float:
        work = job.workload
        asked = {"epochs": job.epochs, "seed": job.seed, "check": False, "compare": False, **SPEED[job.variant]}
        asked |= {} if work.grid else {"batch_size": work.batch}
        asked |= work.thalweg(job.raw)
        asked["settings"] = {"stopping": {"keep": "last"}, **asked.get("settings", {})}
        asked["rule"] = asked.get("rule", adam(work.rate))
        return _whole(asked, job) if job.whole else _timed(asked, job, clock)


def adam(rate: float) -> dict[str, Any]:
    """Backpropagation by Adam at a constant rate, as everywhere else here."""
    optimizer, schedule = {"name": "adam"}, {"name": "constant"}
    return {"name": "backpropagation", "optimizer": optimizer, "rate": rate, "schedule": schedule}


def _whole(asked: dict[str, Any], job: Job) -> float:
    import thalweg as tw

    run = tw.train(asked.pop("data"), out=job.scratch / "run", **asked)
    return float(run.results["metric"]["value"])


def _timed(asked: dict[str, Any], job: Job, clock: Clock) -> float:
    """The same training, with a listener that looks at the clock when an epoch ends; its score is that of the whole one."""
    from torch import nn

    from thalweg.core.run_folder import RunFolder
    from thalweg.training.fit import fit
    from thalweg.training.requested import asked_by_options, merged, run_settings
    from thalweg.training.stage import Own

    data, model, rule, settings = (asked.pop(name, None) for name in ("data", "model", "rule", "settings"))
    own = isinstance(model, nn.Module)
    parts = {
        sort: one for sort, one in (("model", model), ("rule", rule)) if one is not None and not isinstance(one, nn.Module)
    }
    fit(
        run_settings(merged(settings, parts, asked_by_options(asked))),
        given=data,
        own=Own(model if own else None),
        folder=RunFolder.create(job.scratch / "run"),
        listeners={"clock": _Ends(clock)},
    )
    return math.nan


class _Ends:
    """A listener that tells the clock of each epoch's end."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __call__(self, progress: "Progress", rule: "Rule") -> None:
        if progress.epoch_ended:
            self.clock.epoch()

    def due(self, progress: "Progress") -> float:
        position, length = progress.position, progress.length or progress.position.total
        return (position.step // length + 1) * length

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered: what the clock says is no part of the result."""


TOOL = Thalweg()
