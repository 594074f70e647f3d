"""Failures: what stopped a training, in words that name the step and the line that raised."""

import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from thalweg.core.errors import Refusal, TrainingRefusal
from thalweg.core.registry import PACKAGE
from thalweg.rules._rule import Rule
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


def diverged(progress: Progress, rule: Rule) -> TrainingRefusal:
    """The refusal, ready to raise, of a training whose last steps were not finite."""
    bad = [name for name, one in rule.shipped.named_parameters() if not bool(torch.isfinite(one).all())]
    rate = rule.settings.model_dump().get("rate")
    lower = f"a lower rate (--lr {rate / 10:g} or less; it was {rate:g})" if rate else "a lower rate (--lr)"
    half = rule.context.precision == "float16"
    other = "a wider range (--precision bfloat16 or float32)" if half else "clipping (--set rule.clip=1)"
    return TrainingRefusal(
        "TRAIN_DIVERGED",
        f"the loss or its slope was not finite for several steps in a row, at step {progress.position.step}"
        + (", though losses were scaled down at each" if half else ""),
        where=f"stage {progress.position.stage}" + (f", weights {bad[0]}" if bad else ", the weights are still finite"),
        why="nothing is learned from steps that are not finite; earlier checkpoints are kept",
        fix=f"{lower}, {other}, or look at the inputs: thalweg doctor RUN",
    )
