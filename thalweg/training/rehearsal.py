"""Rehearsal: one slope before the first step where model, task or loss are the user's own, so that what does not fit is told.

It changes nothing: weights, statistics and random state are as they were.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.core.device import autocast
from thalweg.core.errors import Refusal, UsageRefusal
from thalweg.core.talk import Talk
from thalweg.data.batch import Batch
from thalweg.data.dataset import Environment
from thalweg.rules._gradient import GradientRule
from thalweg.tasks._task import Losses
from thalweg.training.stage import Own, Stage

ROWS = 8


class Trace:
    """Which modules were called: those under way, the innermost last, with the shapes they were given; and the last answer.

    Attributes:
        answer: shape and type of what the model gave, for people.
        width: its last axis, where it is (B, width).
    """

    def __init__(self, model: nn.Module) -> None:
        self.names = {module: name or type(model).__name__ for name, module in model.named_modules()}
        self.model, self.under_way, self.answer = model, list[tuple[nn.Module, str]](), ""
        self.width: int | None = None

    def enter(self, module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        """A module is called."""
        self.under_way.append((module, _shapes([*given, *named.values()])))

    def leave(self, module: nn.Module, given: tuple[Any, ...], answer: Any) -> None:  # noqa: ANN401
        """A module has answered."""
        self.under_way.pop()
        if module is self.model:
            self.answer = _shapes(answer if isinstance(answer, tuple) else [answer])
            self.width = answer.shape[-1] if isinstance(answer, Tensor) and answer.dim() == 2 else None


def rehearse(stage: Stage, own: Own, talk: Talk) -> None:
    """Try the first slope of what the user gave as objects; say which parameters take no part.

    Raises:
        UsageRefusal: a layer does not fit what it is given, the loss does not fit the outputs, or the outputs the target.
    """
    given = own.model is not None or own.loss is not None or own.task is not None
    if not given or not isinstance(stage.rule, GradientRule) or isinstance(stage.dataset, Environment):
        return
    batch = next(iter(stage.dataset.batches("validation", size=ROWS)), None)
    if batch is None or batch.size < 2:  # one row has no variance to normalise by
        return
    rule = stage.rule
    with _unchanged(rule.model), _traced(rule.model) as trace, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        losses = _losses(stage, rule, batch, trace)
        slopes: Sequence[Tensor | None] = torch.autograd.grad(losses.loss.sum(), rule.descent.parameters, allow_unused=True)
    _refuse_broadcast(said, stage, batch, trace)
    if own.model is not None:
        _refuse_width(stage, batch, trace)
        _tell_unused([name for name, one in zip(rule.descent.names, slopes, strict=True) if one is None], talk)


def _losses(stage: Stage, rule: GradientRule, batch: Batch, trace: Trace) -> Losses:
    try:
        with autocast(rule.context.device, rule.context.precision):
            return stage.task.objective(rule.model, rule.prepare(batch, stage.progress.position))
    except Refusal:
        raise
    except Exception as error:
        raise _misfit(error, stage, batch, trace) from error


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Running statistics, modes and random state are put back afterwards."""
    buffers = [(one, one.clone()) for one in model.buffers()]
    with torch.random.fork_rng(devices=[]):
        yield
    with torch.no_grad():
        for one, former in buffers:
            one.copy_(former)


@contextmanager
def _traced(model: nn.Module) -> Iterator[Trace]:
    trace = Trace(model)
    hooks = [one.register_forward_pre_hook(trace.enter, with_kwargs=True) for one in model.modules()]
    hooks += [one.register_forward_hook(trace.leave) for one in model.modules()]
    try:
        yield trace
    finally:
        for hook in hooks:
            hook.remove()


def _misfit(error: Exception, stage: Stage, batch: Batch, trace: Trace) -> UsageRefusal:
    said = (str(error).splitlines() or [type(error).__name__])[0][:160]
    if not trace.under_way:
        return _loss_misfit(f"raised {type(error).__name__}: {said}", stage, batch, trace)
    module, shapes = trace.under_way[-1]
    name, kind = trace.names[module], type(module).__name__
    takes = f"{kind}({module.extra_repr()})" if module.extra_repr() else kind
    return UsageRefusal(
        "MODEL_LAYER_MISFIT",
        f"layer {name} cannot take what it is given: {takes} got {shapes}",
        where=f"model {type(trace.model).__name__}, layer {name}",
        why=f"{type(error).__name__}: {said}",
        fix="make its size that of the layer before it" if module is not trace.model else _inputs(stage, batch),
    )


def _inputs(stage: Stage, batch: Batch) -> str:
    shapes = ", ".join(f"{name} {tuple(batch[name].shape)}" for name in stage.task.ports.names if name in batch)
    return f"forward is given {shapes or 'what the task draws'}, by these names where it has them, else in this order"


def _loss_misfit(what: str, stage: Stage, batch: Batch, trace: Trace) -> UsageRefusal:
    targets = ", ".join(f"{port.name} {_shapes([batch[port.name]])}" for port in stage.task.ports.outputs if port.name in batch)
    return UsageRefusal(
        "LOSS_MISFIT",
        f"the loss does not fit: {what}",
        where=f"output {trace.answer or 'unknown'}; target {targets or 'none'}",
        why=f"each row's output must be compared with its own {stage.choices['task'].name} target",
        fix="leave the loss out: the task brings its own; or give one that takes these shapes and types",
    )


def _refuse_broadcast(said: Sequence[warnings.WarningMessage], stage: Stage, batch: Batch, trace: Trace) -> None:
    """Raise where torch warns that a loss compares every row with every other."""
    for one in said:
        if "Using a target size" in str(one.message):
            raise _loss_misfit(str(one.message).split(". This")[0], stage, batch, trace)


def _refuse_width(stage: Stage, batch: Batch, trace: Trace) -> None:
    """Raise where a model tells another number of classes apart than there are."""
    ports = stage.task.ports.outputs
    one_of_several = len(ports) == 1 and ports[0].size is not None and not ports[0].shape
    if not one_of_several or trace.width in (None, ports[0].size):
        return
    raise UsageRefusal(
        "MODEL_OUTPUT_MISFIT",
        f"the model gives {trace.answer}; {ports[0].name} has {ports[0].size} classes",
        where=f"model {type(trace.model).__name__}",
        why="each class needs an output of its own",
        fix=f"let its last layer have {ports[0].size} outputs",
    )


def _tell_unused(names: Sequence[str], talk: Talk) -> None:
    if names:
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        talk.warn(f"{len(names)} of the model's tensors take no part and stay as they are: {shown}")


def _shapes(values: Sequence[Any]) -> str:
    shapes = [
        f"{tuple(one.shape)} {str(one.dtype).removeprefix('torch.')}" if isinstance(one, Tensor) else type(one).__name__
        for one in values
    ]
    return ", ".join(shapes) or "nothing"
