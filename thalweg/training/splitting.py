"""Splitting: what is said, or refused, when several processes share each batch."""

from collections.abc import Iterator

from torch import nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.talk import Talk
from thalweg.optimizers._descent import LineSearch
from thalweg.training.stage import Stage


def tell_splitting(stage: Stage, talk: Talk) -> None:
    """Say in one line what makes the result depend on the number of processes.

    Raises:
        UsageRefusal: the objective compares rows of a batch with each other, so that a batch cannot be shared.
    """
    world = stage.rule.context.processes.world
    if world == 1:
        return
    if not stage.task.rows_independent:
        raise UsageRefusal(
            "BATCH_NOT_SPLITTABLE",
            f"this batch cannot be shared by {world} processes: its rows depend on each other",
            where=f"the objective of {type(stage.task).__name__}",
            why="parts of a batch would give another result than the whole",
            fix="train on one process",
        )
    reasons = list(dict.fromkeys(_reasons(stage)))
    if reasons:
        talk.warn(f"on {world} processes the weights differ from those of one, because of {' and '.join(reasons)}")


def _reasons(stage: Stage) -> Iterator[str]:
    for module in stage.rule.model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            yield "dropout"
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and not isinstance(module, nn.SyncBatchNorm):
            yield "batch normalisation"
    if any(isinstance(one, LineSearch) for one in stage.rule.learned.values()):
        yield "the optimizer's line search"
