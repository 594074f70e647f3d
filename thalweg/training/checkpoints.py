"""Checkpoints: all that learned or remembers, at one position, in one verified folder.

Randomness is a function of position, so none of it is saved.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thalweg.core.errors import PackageRefusal
from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.core.position import Position
from thalweg.core.tensors import tree_from_folder, tree_to_files
from thalweg.data.batches import Batches
from thalweg.rules._rule import Rule
from thalweg.training.loop import Listener, Progress

FORMAT = "thalweg.checkpoint"
VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """What was read back.

    Attributes:
        position: where training stood.
        stopped: why a listener had asked to stop; empty if none had.
        ended: the stage's end had been done.
        settings: digest of the run's settings.
        data: digest of the data.
        lines: bytes of metrics.jsonl at that time.
    """

    position: Position
    stopped: str
    ended: bool
    settings: str
    data: str
    lines: int
    history: list[dict[str, Any]]
    state: Mapping[str, Any]


def save(
    path: Path,
    progress: Progress,
    rule: Rule,
    batches: Batches,
    listeners: Mapping[str, Listener],
    *,
    facts: Mapping[str, Any],
    ended: bool = False,
) -> None:
    """Write a checkpoint folder, whole or not at all.

    Args:
        facts: digests of settings and data, the length of metrics.jsonl; kept in the manifest's stamp.
        ended: the stage's end has been done.
    """
    tree = {
        "rule": rule.state_dict(),
        "batches": batches.state_dict(),
        "listeners": {name: listener.state_dict() for name, listener in listeners.items()},
        "history": progress.history,
    }
    position = dataclasses.asdict(progress.position) | {"path": list(progress.position.path)}
    stamp = {"position": position, "stopped": progress.stopped, "ended": ended, **facts}
    write_folder(path, tree_to_files(tree), format=FORMAT, version=VERSION, stamp=stamp)


def read(path: Path) -> Checkpoint:
    """The checkpoint in a folder.

    Raises:
        PackageRefusal: a file was changed, lost or added, or a newer version of thalweg wrote it.
    """
    folder = open_folder(path, format=FORMAT, newest=VERSION)
    stamp = folder.manifest.stamp
    try:
        position = Position(**{**stamp["position"], "path": tuple(stamp["position"]["path"])})
        state = tree_from_folder(folder)
        return Checkpoint(
            position,
            stamp["stopped"],
            stamp["ended"],
            stamp["settings"],
            stamp["data"],
            stamp["lines"],
            state["history"],
            state,
        )
    except (KeyError, TypeError) as error:
        raise PackageRefusal(
            "CHECKPOINT_INCOMPLETE",
            f"the checkpoint does not say all that it must: {error}",
            where=str(path),
            why="training could not go on from the same point",
            fix="resume from an older one, or start afresh",
        ) from None


def restore(checkpoint: Checkpoint, rule: Rule, batches: Batches, listeners: Mapping[str, Listener]) -> None:
    """Put a checkpoint's state back into the things that hold it."""
    rule.load_state_dict(checkpoint.state["rule"])
    batches.load_state_dict(checkpoint.state["batches"])
    for name, listener in listeners.items():
        listener.load_state_dict(checkpoint.state["listeners"].get(name, {}))
