"""Failures: what stopped a training, in words that name the step and the line that raised."""

import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from thalweg.core.errors import Refusal, ResourceRefusal, TrainingRefusal
from thalweg.core.exhaustion import out_of_memory
from thalweg.core.memory import free_bytes, room_told
from thalweg.core.registry import PACKAGE
from thalweg.training.loop import Progress

_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


@contextmanager
def naming_failures(progress: Progress) -> Iterator[None]:
    """What the user's own model, loss, rule or augmentation raises within is told with its line and the step.

    Raises:
        TrainingRefusal: code that is not ours raised; what we raise ourselves, refusals among it, passes as it is.
        ResourceRefusal: memory was refused to something that cannot be done in parts.
    """
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise _memory_full(error, progress) from error
        place = own_line(error)
        if place is None:
            raise
        position = progress.position
        raise TrainingRefusal(
            "TRAIN_PART_FAILED",
            f"{type(error).__name__}: {first_line(error)}",
            where=f"{place}, at step {position.step + 1} of stage {position.stage}",
            why="the part that raised is your own; checkpoints of earlier steps are kept",
            fix="mend it and go on with --resume (resume=True); with --debug all lines that led there are shown",
        ) from error


def _memory_full(error: Exception, progress: Progress) -> ResourceRefusal:
    free = free_bytes(torch.device("cpu"))
    asked = re.search(r"allocate (\d+) bytes", str(error))
    size = f" for {int(asked[1]) / 1e6:,.1f} MB" if asked else ""
    return ResourceRefusal(
        "MEMORY_FULL",
        f"there is not enough memory{size}{room_told(free)}",
        where=f"beside the steps, after step {progress.position.step} of stage {progress.position.stage}",
        why="what was asked for cannot be done in parts; checkpoints of earlier steps are kept",
        fix="more memory, a smaller --batch-size, a smaller model or fewer data; then --resume",
        details={"free_bytes": free, "step": progress.position.step},
    )


def first_line(error: BaseException) -> str:
    """The first line of what an error says, cut to 160 characters."""
    return (str(error).splitlines() or [""])[0][:160]


def own_line(error: Exception) -> str | None:
    """The innermost line that belongs to no library: file:line of the user's code, None where that line is ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(PACKAGE):
            return None
        if not frame.filename.startswith((*_LIBRARIES, "<")):
            return f"{frame.filename}:{frame.lineno}"
    return None
