"""Failures: what stopped a training, in words that name the step and the line that raised."""

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from thalweg.core.errors import Refusal, TrainingRefusal
from thalweg.core.registry import PACKAGE
from thalweg.training.loop import Progress

_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


@contextmanager
def naming_failures(progress: Progress) -> Iterator[None]:
    """What the user's own model, loss, rule or augmentation raises within is told with its line and the step.

    Raises:
        TrainingRefusal: code that is not ours raised; what we raise ourselves, refusals among it, passes as it is.
    """
    try:
        yield
    except (Refusal, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        place = own_line(error)
        if place is None:
            raise
        position = progress.position
        raise TrainingRefusal(
            "TRAIN_PART_FAILED",
            f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}",
            where=f"{place}, at step {position.step + 1} of stage {position.stage}",
            why="the part that raised is your own; checkpoints of earlier steps are kept",
            fix="mend it and go on with --resume (resume=True); with --debug all lines that led there are shown",
        ) from error


def own_line(error: Exception) -> str | None:
    """The innermost line that belongs to no library: file:line of the user's code, None where that line is ours."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(PACKAGE):
            return None
        if not frame.filename.startswith((*_LIBRARIES, "<")):
            return f"{frame.filename}:{frame.lineno}"
    return None
