"""Misfits: what of a user's own net does not fit the data or the task, each told with what is wanted, why, and the edit."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal, some_of
from thalweg.data.batch import Batch
from thalweg.fields.ports import Port
from thalweg.training.failures import first_line, own_line
from thalweg.training.layer_calls import Call, LayerCalls, shapes
from thalweg.training.stage import Stage

SIZES = {"in_features": -1, "in_channels": 1, "input_size": -1, "num_features": 1}
"""What torch's layers call the size of their input, and the axis of the input that must have it."""


def layer_misfit(error: Exception, stage: Stage, trace: LayerCalls) -> UsageRefusal:
    """The refusal of a model in which a layer raised: the layer, what it was given, and what to change."""
    call, said = trace.under_way[-1], f"{type(error).__name__}: {first_line(error)}"
    if call.module is trace.model:
        return _forward_misfit(error, stage, call)
    return UsageRefusal(
        "MODEL_LAYER_MISFIT",
        f"layer {call.name} cannot take what it is given: {call.layer} got {shapes(call.given)}",
        where=f"model {type(trace.model).__name__}, layer {call.name}; the model is given {trace.under_way[0].told}",
        why=said,
        fix=_layer_fix(call),
    )


def _forward_misfit(error: Exception, stage: Stage, call: Call) -> UsageRefusal:
    """The refusal of a `forward` that takes other inputs, or that raised in a line of its own."""
    model, line = type(call.module).__name__, own_line(error)
    wanted = _not_taken(call)
    if wanted is not None:
        names = ", ".join(stage.task.ports.names)
        return UsageRefusal(
            "MODEL_LAYER_MISFIT",
            f"forward of {model} takes {wanted or 'nothing'}; there is {names or 'nothing'}",
            where=f"model {model}, forward",
            why=f"it is called with each input once: {call.told}",
            fix=f"write forward(self, {names}): called by these names where it has them all, else in this order",
        )
    return UsageRefusal(
        "MODEL_LAYER_MISFIT",
        f"forward of {model} cannot take what it is given: {type(error).__name__}: {first_line(error)}",
        where=line or f"model {model}, {call.layer}",
        why=f"it is given {call.told}",
        fix="mend that line for these shapes and types" + _axes(call.given) if line else _layer_fix(call),
    )


def _not_taken(call: Call) -> str | None:
    """The parameters of a layer's `forward` where they are not those that it was called with; None where they are."""
    try:
        signature = inspect.signature(call.module.forward)
    except ValueError:  # compiled code shows no signature
        return None
    try:
        signature.bind(*call.arguments, **call.named)
    except TypeError:
        return ", ".join(signature.parameters)
    return None


def _axes(given: Sequence[Tensor]) -> str:
    if any(one.dim() == 4 for one in given):
        return "; pictures are (rows, channels, height, width): x.squeeze(1) drops a single channel's axis"
    return ""


def _layer_fix(call: Call) -> str:
    """What to change where a layer was given something of another size, number of axes or type."""
    module, first = call.module, next(iter(call.given), None)
    if first is None:
        return "give it the tensor that it works on"
    weight = next((one for one in module.parameters(recurse=False) if one.is_floating_point()), None)
    if isinstance(module, nn.Embedding):
        return (
            "an embedding reads codes (int64): for numbers use nn.Linear, or make the field a category: --field NAME=category"
        )
    if weight is not None and first.dtype != weight.dtype:
        return f"its weights are {_type(weight)}: give it x.to({weight.dtype}), and make no tensors of another type"
    if weight is not None and first.device != weight.device:
        return f"its weights lie on {weight.device}: move nothing by hand, or say --device {first.device.type}"
    for name, axis in SIZES.items():
        size = vars(module).get(name)
        if not isinstance(size, int) or first.dim() < 2 or size == first.shape[axis]:
            continue
        if size == first[0].numel():
            return "flatten what it is given first: nn.Flatten(), or x.flatten(1)"
        return f"make it {type(module).__name__}({name}={first.shape[axis]}, ...), or the layer before it give {size}"
    return "change the number of axes of what it is given, or the layer" + _axes([first])


def _type(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def refuse_answer(stage: Stage, trace: LayerCalls, *, cut_off: bool) -> None:
    """Return where what a model gave has the form that its task's one output has, as far as its port says.

    Args:
        cut_off: no slope leads back from it to the model's weights.

    Raises:
        UsageRefusal: it is no tensor, has other rows, is cut off from the weights, or has another width.
    """
    ports, answer = stage.task.ports.outputs, trace.answer
    if len(ports) != 1 or None in ports[0].shape or trace.call is None:
        return
    rows = next((len(one) for one in trace.call.given if one.dim()), 0)
    model, wanted = type(trace.model).__name__, _wanted(ports[0], stage)
    if not isinstance(answer, Tensor):
        raise _answer(f"the model returns {_named(answer)}; one tensor is wanted", model, why=wanted, fix=_take_one(answer))
    if answer.dim() == 0 or answer.shape[0] != rows:
        raise _answer(
            f"the model gives {shapes([answer])} for {rows} rows",
            model,
            why=f"each row is an example and gets an answer of its own: {wanted}",
            fix="keep the first axis as it is: take no mean over it, no x[0], no reshape(-1, ...)",
        )
    if cut_off:
        raise _answer(
            f"the model's answer, {shapes([answer])}, does not hang on its weights",
            model,
            why="no slope leads back to them, so nothing could be learned",
            fix="take .detach(), .data, .numpy(), argmax, round and no_grad out of forward; return scores",
        )
    if not _has_width(answer, ports[0]):
        raise _other_width(answer, ports[0], wanted, trace)


def _has_width(answer: Tensor, port: Port) -> bool:
    """Classes stand in one axis; other values in any shape that holds as many."""
    if port.size is not None and not port.shape:
        return answer.dim() == 2 and answer.shape[1] == port.size
    return port.size is not None or answer.shape[1:].numel() == port.width


def _other_width(answer: Tensor, port: Port, wanted: str, trace: LayerCalls) -> UsageRefusal:
    width = answer.shape[1:].numel()
    numbers = f"{width} number{'' if width == 1 else 's'}" if answer.dim() <= 2 else f"an array {tuple(answer.shape[1:])}"
    return UsageRefusal(
        "MODEL_OUTPUT_MISFIT",
        f"the model gives {numbers} for each row, {port.width} {'is' if port.width == 1 else 'are'} wanted: {_goal(port)}",
        where=f"model {type(trace.model).__name__}" + _last(trace) + f"; output {shapes([answer])} for {answer.shape[0]} rows",
        why=wanted,
        fix=_width_fix(port, trace),
    )


def _last(trace: LayerCalls) -> str:
    return f", last layer {trace.last.name}: {trace.last.layer}" if trace.last is not None else ""


def _width_fix(port: Port, trace: LayerCalls) -> str:
    """The edit of the last layer where its width is the answer's, else what to return."""
    width, last = trace.answer.shape[1:].numel(), trace.last
    for name in ("out_features", "out_channels"):
        if last is not None and trace.answer.dim() <= 2 and vars(last.module).get(name) == width:
            return f"let layer {last.name} have {name}={port.width}" + (", and no sigmoid after it" if width == 1 else "")
    return f"end with a layer of {port.width} outputs, and return its answer as it is"


def _goal(port: Port) -> str:
    if port.size is not None:
        return f"{port.name} has {port.size} classes"
    return f"{port.name} is {'one number' if port.width == 1 else f'of shape {port.shape}'}"


def _wanted(port: Port, stage: Stage) -> str:
    task = stage.choices["task"].name
    if port.size is not None and not port.shape:
        return f"{task} wants (rows, {port.size}): a score (logit) for each class of {port.name}"
    return f"{task} wants (rows, {', '.join(map(str, port.shape)) or port.width}), the values of {port.name}"


def _answer(what: str, model: str, *, why: str, fix: str) -> UsageRefusal:
    return UsageRefusal("MODEL_OUTPUT_MISFIT", what, where=f"model {model}, what forward returns", why=why, fix=fix)


def _named(answer: Any) -> str:  # noqa: ANN401 - whatever a forward returned
    if answer is None:
        return "nothing"
    if isinstance(answer, Mapping):
        return f"a {type(answer).__name__} with {', '.join(map(str, answer)) or 'no keys'}"
    if isinstance(answer, tuple | list):
        return f"a {type(answer).__name__} of {shapes(answer)}"
    return f"a {type(answer).__name__}"


def _take_one(answer: Any) -> str:  # noqa: ANN401
    if answer is None:
        return "end forward with return and the scores"
    if isinstance(answer, Mapping) and answer:
        return f'return the one that is learned by, for example answer["{next(iter(answer))}"]'
    if isinstance(answer, tuple | list):
        return "return the one that is learned by, for example answer[0]; or give a task of your own: task=MyTask"
    return "return the tensor itself, without .numpy(), .tolist() or .item()"


def loss_misfit(what: str, stage: Stage, batch: Batch, trace: LayerCalls, *, own: bool) -> UsageRefusal:
    """The refusal of a loss that raised, or that compares what does not belong together.

    Args:
        own: the loss is the user's; else the model's answer is at fault, since the task's loss fits the task.
    """
    ports, task = stage.task.ports.outputs, stage.choices["task"].name
    targets = ", ".join(f"{port.name} {shapes([batch[port.name]])}" for port in ports if port.name in batch)
    where = f"output {told(trace.answer) if trace.answered else 'unknown'}; target {targets or 'none'}"
    why = f"each row's output must be compared with its own {task} target"
    if own or not trace.answered:
        fix = "leave the loss out: the task brings its own; or give one that takes these shapes and types"
        return UsageRefusal("LOSS_MISFIT", f"the loss does not fit: {what}", where=where, why=why, fix=fix)
    shape = next((tuple(batch[port.name].shape[1:]) for port in ports if port.name in batch and None not in port.shape), ())
    fix = f"return (rows, {', '.join(map(str, shape))})" if shape else f"return what {task} compares: thalweg info {task}"
    return UsageRefusal("MODEL_OUTPUT_MISFIT", f"the model's answer does not fit {task}: {what}", where=where, why=why, fix=fix)


def told(answer: Any) -> str:  # noqa: ANN401
    """Shapes and types of an answer, for people."""
    return shapes(answer if isinstance(answer, tuple) else [answer])


def not_finite_at_once(losses: Tensor, trace: LayerCalls) -> UsageRefusal:
    """The refusal of a model or loss that gives numbers that are not finite before anything was learned."""
    rows = int((~torch.isfinite(losses)).sum())
    count = f"for {rows} of {len(losses)} rows" if len(losses) > 1 else "at once"
    if trace.bad is None:
        return UsageRefusal(
            "LOSS_NOT_FINITE",
            f"the loss is not finite {count}, before anything is learned",
            where=f"loss; the model's output, {told(trace.answer)}, is finite",
            why="such a step teaches nothing, so none would be taken",
            fix="look for log, sqrt and division at zero in the loss: log(x.clamp(min=1e-6)), or take the task's own loss",
        )
    model, bad = type(trace.model).__name__, trace.bad
    itself = bad.module is trace.model
    return UsageRefusal(
        "MODEL_NOT_FINITE",
        f"the model gives NaN or infinity {count}, before anything is learned",
        where=f"model {model}, "
        + ("forward itself: all its layers are finite" if itself else f"layer {bad.name}: {bad.layer}"),
        why="such a step teaches nothing, so none would be taken",
        fix="look there for a division by zero, the logarithm or root of a number below zero, or weights that were never set",
    )


def slope_not_finite(names: Sequence[str], trace: LayerCalls) -> UsageRefusal:
    """The refusal of a model whose answers are finite while the slopes of some parameters are not."""
    shown = some_of(names, 4)
    return UsageRefusal(
        "MODEL_NOT_FINITE",
        f"the slope is not finite before anything is learned, that of {len(names)} of its tensors: {shown}",
        where=f"model {type(trace.model).__name__}, or the loss; what they give is finite",
        why="such a step teaches nothing, so none would be taken",
        fix="look for a root, norm or power at zero: its slope there is infinite; add a little before: (x + 1e-8).sqrt()",
    )


def refuse_unsaved(model: nn.Module, before: Mapping[str, Tensor]) -> None:
    """Return where a step leaves the buffers that are not saved as they were; one that grows is a cache, which is no state.

    Args:
        before: copies of them ahead of the step.

    Raises:
        UsageRefusal: some have other values now.
    """
    now = dict(model.named_buffers())
    changed = [name for name, one in before.items() if name in now and _another(one, now[name])]
    if not changed:
        return
    raise UsageRefusal(
        "MODEL_BUFFER_UNSAVED",
        f"a step changes {some_of(changed, 4)}, which the model does not save (persistent=False)",
        where=f"model {type(model).__name__}",
        why="neither checkpoints nor the package would hold it: a resumed run and a loaded model would compute something else",
        fix="self.register_buffer(NAME, VALUE), without persistent=False; what only shows a step: a plain attribute",
        details={"buffers": changed},
    )


def _another(former: Tensor, now: Tensor) -> bool:
    return former.shape == now.shape and not torch.equal(former.nan_to_num(), now.nan_to_num().to(former))
