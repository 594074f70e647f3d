"""What was found about speed before: for this net, these batches and this machine, in the user's cache folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

import thalweg
from thalweg.core import files
from thalweg.core.errors import Refusal
from thalweg.core.machine import processor
from thalweg.data.catalogue import cache
from thalweg.engine.plan import SpeedPlan
from thalweg.training.own_loss import OwnLoss
from thalweg.training.settings import RunSettings
from thalweg.training.stage import Stage

ASKED = ("device", "precision", "threads", "memory_format", "augment")
"""Settings of a run that bear on how fast its steps are."""


@dataclass
class Remembered:
    """A plan that was found before.

    Attributes:
        path: where it lies; None where no cache folder is known.
        tried: properties that were looked at.
        gain: how many times as fast as plain steps it was.
        step: seconds of a plain step, roughly.
    """

    path: Path | None
    plan: SpeedPlan = field(default_factory=SpeedPlan)
    tried: Sequence[str] = ()
    gain: float = 0.0
    step: float = 0.0

    @staticmethod
    def of(stage: Stage, settings: RunSettings) -> "Remembered":
        """What is remembered for a stage; a file that cannot be read counts as none."""
        try:
            path = cache(of="speed") / f"{_digest(stage, settings)}.json"
        except Refusal:
            return Remembered(None)
        if not path.is_file():
            return Remembered(path)
        try:
            held = files.read_json(path, where=str(path))
            plan, numbers = SpeedPlan.model_validate(held["plan"]), (float(held["gain"]), float(held.get("step", 0)))
            return Remembered(path, plan, list(held["tried"]), *numbers)
        except (Refusal, KeyError, TypeError, ValueError):
            return Remembered(path)

    def keep(self, plan: SpeedPlan, tried: Sequence[str], *, gain: float, step: float) -> None:
        """Write what was found; where that cannot be, the next run tries again."""
        if self.path is None:
            return
        found = {"plan": plan.as_json(), "tried": list(tried), "gain": round(gain, 3), "step": step}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            files.write_json(self.path, found)
        except (Refusal, OSError):
            return


def _loss(stage: Stage) -> str:
    """What the task learns by: a program may take the steps of one loss and not of another."""
    loss = stage.task.loss
    own = loss.function if isinstance(loss, OwnLoss) else loss
    return f"{type(loss).__qualname__} {type(own).__qualname__} {getattr(own, '__qualname__', '')}"


def _digest(stage: Stage, settings: RunSettings) -> str:
    """A digest of all that the speed of steps depends on: net, batches, rule, machine, versions."""
    rule = stage.rule
    shapes = {name: [str(one.dtype), *one.shape] for name, one in rule.model.state_dict().items()}
    layers = sorted({str(type(one)) for one in rule.model.modules()})
    batch = {name: [str(one.dtype), *one.shape] for name, one in stage.batches.at(stage.progress.position).items()}
    learned = rule.settings.model_dump(mode="json", exclude={"epochs", "steps"})
    facts: Mapping[str, Any] = {
        "net": [shapes, layers, str(stage.named)],
        "batch": batch,
        "rule": [rule.declaration.name, learned],  # type: ignore[attr-defined]
        "task": [type(stage.task).__name__, _loss(stage)],
        "asked": settings.model_dump(mode="json", include=set(ASKED)),
        "machine": [processor(rule.context.device), str(rule.context.device), torch.get_num_threads()],
        "versions": [torch.__version__, thalweg.__version__],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]
