"""Rehearsal: one slope before the first step where model, task or loss are the user's own, so that what does not fit is told.

It changes nothing: weights, statistics and random state are as they were.
"""

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from thalweg.core.device import autocast
from thalweg.core.errors import Refusal, some_of
from thalweg.core.talk import Talk
from thalweg.data.batch import Batch
from thalweg.data.dataset import Environment
from thalweg.losses._slope_error import SlopeError
from thalweg.rules._gradient import GradientRule
from thalweg.tasks._task import Losses
from thalweg.training.failures import first_line
from thalweg.training.layer_calls import LayerCalls, finite, traced, unchanged, unsaved
from thalweg.training.misfits import (
    layer_misfit,
    loss_misfit,
    not_finite_at_once,
    refuse_answer,
    refuse_unsaved,
    slope_not_finite,
)
from thalweg.training.own_loss import Calls, OwnLoss
from thalweg.training.stage import Own, Stage

ROWS = 8


def rehearse(stage: Stage, own: Own, talk: Talk) -> None:
    """Try the first slope of what the user gave as objects; say which parameters take no part.

    Raises:
        UsageRefusal: a layer does not fit what it is given, the outputs do not fit the target, the loss does not fit the
            outputs, or one of them is not finite; or a step changes what is not saved.
    """
    given = own.model is not None or own.loss is not None or own.task is not None
    if not given or not isinstance(stage.rule, GradientRule) or isinstance(stage.dataset, Environment):
        return
    batch = next(iter(stage.dataset.batches("train", size=ROWS)), None)
    if batch is None or batch.size < 2:  # one row has no variance to normalise by
        return
    rule, loss = stage.rule, stage.task.loss
    watched: AbstractContextManager[Calls] = loss.watched() if isinstance(loss, OwnLoss) else nullcontext([])
    with unchanged(rule.model), traced(rule.model) as trace, warnings.catch_warnings(record=True) as said, watched as calls:
        warnings.simplefilter("always")
        before = unsaved(rule.model)
        batch = rule.prepare(batch, stage.progress.position)
        losses = _losses(stage, own, batch, trace)
        if own.model is not None and own.task is None:
            refuse_answer(stage, trace, cut_off=not losses.loss.requires_grad)
        if not losses.loss.requires_grad:
            raise loss_misfit("no slope leads from it to the model's weights", stage, batch, trace, own=own.loss is not None)
        slopes: Sequence[Tensor | None] = torch.autograd.grad(losses.loss.sum(), rule.descent.parameters, allow_unused=True)
        refuse_unsaved(rule.model, before)
    _refuse_broadcast(said, stage, own, batch, trace)
    if not bool(torch.isfinite(losses.loss.detach()).all()):
        raise not_finite_at_once(losses.loss.detach(), trace)
    named = list(zip(rule.descent.names, slopes, strict=True))
    bad = [name for name, one in named if one is not None and not finite(one)]
    if bad and not rule.descent.scaled:  # a scale of losses finds its range while it learns
        raise slope_not_finite(bad, trace)
    if isinstance(loss, OwnLoss) and calls:
        _tell_wrong_slope(loss.slope_error(*calls[0]), talk)
    if own.model is not None:
        _tell_unused([name for name, one in named if one is None], talk)


def _losses(stage: Stage, own: Own, batch: Batch, trace: LayerCalls) -> Losses:
    """The objective of the rows; what it raises is laid to the layer, the answer or the loss that is at fault."""
    try:
        with autocast(stage.rule.context.device, stage.rule.context.precision):
            return stage.task.objective(stage.rule.model, batch)
    except Exception as error:
        if trace.under_way:
            if isinstance(error, Refusal):
                raise
            raise layer_misfit(error, stage, trace) from error
        if own.model is not None and own.task is None:
            refuse_answer(stage, trace, cut_off=not trace.hangs_on_weights)
        if isinstance(error, Refusal):
            raise
        raise loss_misfit(
            f"raised {type(error).__name__}: {first_line(error)}", stage, batch, trace, own=own.loss is not None
        ) from error


def _refuse_broadcast(said: Sequence[warnings.WarningMessage], stage: Stage, own: Own, batch: Batch, trace: LayerCalls) -> None:
    """Raise where torch warns that a loss compares every row with every other."""
    for one in said:
        if "Using a target size" in str(one.message):
            raise loss_misfit(str(one.message).split(". This")[0], stage, batch, trace, own=own.loss is not None)


def _tell_wrong_slope(error: SlopeError | None, talk: Talk) -> None:
    """Say that a loss is not what its slope leads down; some are meant so, as straight-through estimators are."""
    if error is not None:
        talk.warn(f"the slope of your loss is not that of its values: {error}. Unless .detach() is meant so, mend its backward")


def _tell_unused(names: Sequence[str], talk: Talk) -> None:
    if names:
        shown = some_of(names, 4)
        talk.warn(f"{len(names)} of the model's tensors take no part and stay as they are: {shown}")
