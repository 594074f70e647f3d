"""Checkpoints: all that learned or remembers, at one position, in one verified folder.

Randomness is a function of position, so none of it is saved.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from thalweg.core.errors import PackageRefusal, ResourceRefusal, TrainingRefusal
from thalweg.core.exhaustion import Attempt
from thalweg.core.manifest import Folder, shown
from thalweg.core.memory import free_bytes, room_told
from thalweg.core.position import Position
from thalweg.core.run_folder import RunFolder
from thalweg.core.tensors import tree_from_folder, tree_to_files
from thalweg.data.batches import Batches
from thalweg.rules._rule import Rule
from thalweg.training.layer_calls import spoilt
from thalweg.training.loop import Listener, Progress
from thalweg.training.restored import misfit, position_in, refuse_misfits, typed, understood

STAGE = 10**9
"""Checkpoints are numbered by stage x this + step, so that later ones have larger numbers."""


@dataclass(frozen=True)
class Checkpoint:
    """What was read back.

    Attributes:
        position: where training stood.
        stopped: why a listener had asked to stop; empty if none had.
        ended: the stage's end had been done.
        settings: digest of the run's settings.
        data: digest of the data.
        lines, trace: bytes of metrics.jsonl and trace.jsonl at that time.
        seconds: for how long the run had learned; 0 where an older release did not say.
        written_by: the release of thalweg that wrote it.
    """

    position: Position
    stopped: str
    ended: bool
    settings: str
    data: str
    lines: int
    trace: int
    seconds: float
    written_by: str
    history: list[dict[str, Any]]
    state: Mapping[str, Any]

    @property
    def number(self) -> int:
        """What its folder is called."""
        return self.position.stage * STAGE + self.position.step


@dataclass(frozen=True)
class Taken:
    """All of a checkpoint but its writing: bytes, which later steps no longer change.

    Attributes:
        number: what its folder is called.
        files: contents by name.
        stamp: facts that stand in its manifest.
    """

    number: int
    files: Mapping[str, bytes]
    stamp: Mapping[str, Any]

    def write(self, folder: RunFolder) -> None:
        """Commit it, whole or not at all; it is on the disk when this returns."""
        folder.write_checkpoint(self.number, self.files, stamp=self.stamp)


def take(
    progress: Progress,
    rule: Rule,
    batches: Batches,
    listeners: Mapping[str, Listener],
    *,
    facts: Mapping[str, Any],
    ended: bool = False,
) -> Taken:
    """Copy all that learned or remembers.

    Args:
        facts: digests of settings and data, the length of metrics.jsonl, the time; kept in the manifest's stamp.
        ended: the stage's end has been done.

    Raises:
        TrainingRefusal: weights are not finite; steps never leave such, so something else wrote into them.
        ResourceRefusal: there is no memory for a copy of all state.
    """
    position = progress.position
    bad = spoilt(rule)
    if bad:
        raise TrainingRefusal(
            "CHECKPOINT_NOT_FINITE",
            f"{len(bad)} of the run's tensors are not finite after step {position.step}: {', '.join(bad[:4])}",
            where=f"stage {position.stage}, checkpoint {position.step}; it was not written",
            why="steps that are not finite are spared, so something else wrote into them; earlier checkpoints are kept",
            fix="look for code of your own that changes parameters, and go on from the last checkpoint: --resume",
            details={"tensors": bad},
        )
    number = position.stage * STAGE + position.step
    told = dataclasses.asdict(position) | {"path": list(position.path)}
    stamp = {"position": told, "stopped": progress.stopped, "ended": ended, "listeners": sorted(listeners), **facts}
    with Attempt():
        tree = {
            "rule": rule.state_dict(),
            "batches": batches.state_dict(),
            "listeners": {name: listener.state_dict() for name, listener in listeners.items()},
            "history": progress.history,
            "number": number,
            "numbered": torch.tensor(number),  # among the tensors, which lie in a file of their own
        }
        return Taken(number, tree_to_files(tree), stamp)
    raise _no_memory(rule, progress)


def _no_memory(rule: Rule, progress: Progress) -> ResourceRefusal:
    weights = sum(one.numel() * one.element_size() for one in rule.model.parameters())
    size = f"a copy of all state, of which the weights alone take {weights / 1e6:,.1f} MB"
    free = free_bytes(torch.device("cpu"))
    return ResourceRefusal(
        "CHECKPOINT_NO_MEMORY",
        f"there is no memory for a checkpoint: {size}{room_told(free)}",
        where=f"stage {progress.position.stage}, checkpoint {progress.position.step}; it was not written",
        why="a run that cannot be saved would be lost when it stops; earlier checkpoints are kept",
        fix="more memory, then --resume; or a smaller model, or an optimizer that remembers less (--set rule.optimizer=sgd)",
        details={"weight_bytes": weights, "free_bytes": free},
    )


def read(folder: Folder) -> Checkpoint:
    """The checkpoint in a verified folder.

    Raises:
        PackageRefusal: a file was changed, lost or added, or a newer version of thalweg wrote it.
    """
    stamp = folder.manifest.stamp
    try:
        found = Checkpoint(
            position_in(stamp),
            typed(stamp, "stopped", str),
            typed(stamp, "ended", bool),
            typed(stamp, "settings", str),
            typed(stamp, "data", str),
            typed(stamp, "lines", int),
            typed({"trace": 0, **stamp}, "trace", int),
            typed({"seconds": 0.0, **stamp}, "seconds", float),
            shown(folder.manifest.written_by),
            *_remembered(folder),
        )
        if not 0 <= found.seconds < math.inf:
            raise ValueError(f"its seconds are {found.seconds}")
        if min(found.lines, found.trace) < 0:
            raise ValueError("its lines end ahead of their first")
        if found.number != stamp["step"]:
            raise ValueError(f"its position is that of {found.number}")
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, PackageRefusal):
            raise
        raise PackageRefusal(
            "CHECKPOINT_INCOMPLETE",
            f"the checkpoint does not say all that it must: {error}",
            where=str(folder.path),
            why="training could not go on from the same point",
            fix="resume from an older one, or start afresh",
        ) from None
    with understood(str(folder.path)):
        wrong = _disagreeing(found, stamp)
    if wrong:
        raise misfit(f"{found.number} says its manifest, but {'; '.join(wrong)}", str(folder.path))
    return found


def _disagreeing(found: Checkpoint, stamp: Mapping[str, Any]) -> list[str]:
    """The parts of a checkpoint that were not taken at its step; the first ones had no number in their state."""
    state, at, number = found.state, found.position, found.number
    told = state.get("number")
    numbered = told is not None
    wrong = [f"state.json is of {told!s:.20}"] if numbered and told != number else []
    tensors = state.get("numbered", torch.tensor(number))
    whole = isinstance(tensors, torch.Tensor) and (tensors.shape, tensors.dtype) == ((), torch.int64)
    stamped = tensors.item() if whole else None
    wrong += [f"state.safetensors is of {stamped!s:.20}"] if stamped != number else []
    late = [line for line in found.history if not _reached(line.get("stage"), line.get("step"), at)]
    wrong += [f"history tells of stage {line.get('stage')!s:.20}, step {line.get('step')!s:.20}" for line in late[:1]]
    heard = sorted(state["listeners"])
    wrong += [f"listeners are {', '.join(heard)[:80]}"] if numbered and stamp.get("listeners") != heard else []
    wrong += ["how long trace.jsonl was is not said"] if numbered and type(stamp.get("trace")) is not int else []
    best = (state["listeners"].get("evaluation") or {}).get("best_at") or {}
    wrong += [f"evaluation.best_at is step {best['step']!s:.20}"] if not _reached(at.stage, best.get("step", 0), at) else []
    return wrong


def _reached(stage: Any, step: Any, at: Position) -> bool:  # noqa: ANN401 - what a file says
    """Whether a stage and a step are ones that training had come to."""
    return type(stage) is int and type(step) is int and (stage, step) <= (at.stage, at.step)


def _remembered(folder: Folder) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """The lines of metrics that were written so far, and all state."""
    state = tree_from_folder(folder)
    if not isinstance(state, dict) or not all(isinstance(state.get(name), dict) for name in ("rule", "batches", "listeners")):
        raise ValueError("its state is not that of a rule, batches and listeners")
    history = typed(state, "history", list)
    if not all(isinstance(line, dict) for line in history):
        raise ValueError("its history is not made of lines")
    return history, state


def restore(checkpoint: Checkpoint, rule: Rule, batches: Batches, listeners: Mapping[str, Listener], *, where: str) -> None:
    """Put a checkpoint's state back into the things that hold it.

    Raises:
        PackageRefusal: it cannot be theirs; nothing was taken back.
    """
    stored = {"rule": checkpoint.state["rule"], "batches": checkpoint.state["batches"]}
    refuse_misfits(stored, {"rule": rule.state_dict(), "batches": batches.state_dict()}, where=where)
    heard = checkpoint.state["listeners"]
    known = {name: listener.state_dict() for name, listener in listeners.items() if name in heard}  # a release may add some
    refuse_misfits({name: heard[name] for name in known}, known, where=where)
    with understood(where):
        rule.load_state_dict(checkpoint.state["rule"])
        batches.load_state_dict(checkpoint.state["batches"])
        for name, listener in listeners.items():
            listener.load_state_dict(heard.get(name, {}))
