"""Classes that a target names and an output does not hold: told by example and class instead of by a kernel's index error."""

from collections.abc import Callable

import torch
from torch import Tensor

from thalweg.core.errors import DataRefusal

SHOWN = 5


def with_known_classes(kernel: Callable[[], Tensor], target: Tensor, classes: int, *, where: str) -> Tensor:
    """What a kernel gives that looks targets up among classes; a target beyond them is refused by its example.

    Nothing is looked at unless the kernel fails, so that a step costs no more.

    Args:
        target: (B, ...) classes as given, in [0, classes).
        where: what asks, for the refusal: "loss cross-entropy".

    Raises:
        DataRefusal: a target is no class.
    """
    try:
        return kernel()
    except (IndexError, RuntimeError):
        refuse_unknown_classes(target, classes, where=where)
        raise


def refuse_unknown_classes(target: Tensor, classes: int, *, where: str) -> None:
    """Return if every target (B, ...) is a class in [0, classes).

    Raises:
        DataRefusal: one is not; the first such examples are named.
    """
    unknown = ~((target >= 0) & (target < classes))  # what is no number is no class either
    if not bool(unknown.any()):
        return
    rows = unknown.reshape(len(target), -1).any(1).nonzero().flatten().tolist()
    values = ", ".join(f"{float(value):g}" for value in torch.unique(target[unknown])[:SHOWN])
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    raise DataRefusal(
        "CLASS_UNKNOWN",
        f"the target names class {values}; the output holds classes 0 to {classes - 1}",
        where=f"{where}, examples {', '.join(map(str, rows[:SHOWN]))}{more} of the batch, counted from 0",
        why="there is no output that it could be compared with",
        fix="number the classes from 0, or widen the output; hide what is unknown by a mask",
    )
