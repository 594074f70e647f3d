"""What a model of any make answers: asked as it wants to be, and read as classes with or without probabilities, or as values.

Letters: n examples, C classes, d values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, runtime_checkable

import narwhals as nw
import numpy as np
import torch
from torch import Tensor, nn

from thalweg.core.errors import Refusal, TrainingRefusal, UsageRefusal
from thalweg.data._frames import frame_columns, is_frame
from thalweg.evaluation._baseline import LEAST
from thalweg.evaluation.foreign.examples import Judged
from thalweg.fields.column import Column, as_column
from thalweg.packages.given import columns_of
from thalweg.packages.package import Package
from thalweg.tasks._task import restore_modes, set_evaluating
from thalweg.training.failures import own_line

BATCH = 256
FRAMES = ("pandas", "polars", "pyarrow")
"""Libraries of data frames; the first that is installed makes one of columns by name."""
SUM = 1e-3
"""How far the sum of probabilities may lie from 1; what lies further is taken for logits."""


@runtime_checkable
class Predicts(Protocol):
    """An estimator: of scikit-learn, or of whatever else speaks its tongue."""

    def predict(self, X: Any) -> Any:  # noqa: ANN401 - scikit-learn's name
        """Answers for inputs."""


@runtime_checkable
class GivesProbabilities(Protocol):
    """An estimator that also knows how sure it is."""

    def predict_proba(self, X: Any) -> Any:  # noqa: ANN401 - scikit-learn's name
        """Probabilities (n, C) of its classes."""


@dataclass(frozen=True)
class Answers:
    """What a model answered.

    Attributes:
        column: (n,) labels or values, (n, C) scores of classes, or (n, d) values.
        classes: what the columns of scores stand for; None where the model does not say.
        scored: the columns are scores of classes.
        labels: (n,) what it decides for, where it says so beside the scores.
        name: what the model is called, where that is known.
    """

    column: Column
    classes: Sequence[Any] | None = None
    scored: bool = False
    labels: Column | None = None
    name: str = ""


def answers(model: Any, examples: Judged, *, classed: bool) -> Answers:  # noqa: ANN401 - any model
    """Ask a model for its answers to all examples; answers are given back as they are.

    Args:
        classed: classes are wanted, with probabilities where the model has them.

    Raises:
        TrainingRefusal: the model raised.
        UsageRefusal: it is no model.
    """
    if isinstance(model, Answers):
        return model
    if isinstance(model, Package):
        return _of_package(model, examples)
    ask = _way(model, classed=classed)
    try:
        return ask(model, examples)
    except Refusal:
        raise
    except Exception as error:
        raise TrainingRefusal(
            "MODEL_FAILED",
            f"{called(model)} raised {type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}",
            where=own_line(error) or f"inputs: {_described(examples.inputs)}",
            why="its answers to these examples are what is judged",
            fix="give the inputs as this model takes them: (X, y) hands X over as it is",
        ) from error


def called(model: Any) -> str:  # noqa: ANN401
    """What a model is called in sentences."""
    if isinstance(model, Answers):
        return model.name
    if isinstance(model, Package):
        named = str(model.named.get("name") or "net")
        return named.replace("-", " ") if model.form == "baseline" else "the net"
    steps = getattr(model, "steps", None)  # a pipeline is called by what ends it
    if isinstance(steps, list) and steps:
        return called(steps[-1][-1])
    owner = getattr(model, "__self__", None)
    if isinstance(owner, Predicts):  # its method was given
        return called(owner)
    name = getattr(model, "__name__", None)
    return str(name) if isinstance(name, str) and name.isidentifier() else type(model).__name__


def _way(model: Any, *, classed: bool) -> Callable[[Any, Judged], Answers]:  # noqa: ANN401
    if isinstance(model, type):
        raise _no_model(f"the class {model.__name__}", f"give an instance: {model.__name__}(...)")
    if isinstance(model, nn.Module):
        return _of_module
    if classed and isinstance(model, GivesProbabilities):
        return _of_probabilities
    if isinstance(model, Predicts):
        return _of_estimator
    if callable(model):
        return _of_callable
    raise _no_model(repr(model)[:60], "give a torch module, an estimator with predict, a callable, a run or a package")


def _no_model(what: str, fix: str) -> UsageRefusal:
    return UsageRefusal("MODEL_INVALID", f"{what} is no model", where="model", why="it is asked for answers", fix=fix)


def _of_package(model: Package, examples: Judged) -> Answers:
    given = examples.inputs.detach().cpu().numpy() if isinstance(examples.inputs, Tensor) else examples.inputs
    found = model.predict(columns_of(model, given), on_bad_file="refuse", allow_unknown=True)
    target = model.encodings.target
    if "probabilities" in found and target.port.size is not None:
        return Answers(found["probabilities"], list(target.decode(torch.arange(target.port.size))), scored=True)
    if target.fields[0] not in found and target.name not in found:
        raise UsageRefusal(
            "COMPARE_TASK",
            f"{called(model)} predicts neither one class nor one number",
            where=f"task {model.task.declaration.name}",  # type: ignore[attr-defined]
            why="models are judged as classifiers or regressors",
            fix="compare models of such tasks",
        )
    return Answers(found[target.name])


def _of_probabilities(model: Any, examples: Judged) -> Answers:  # noqa: ANN401
    classes = getattr(model, "classes_", None)
    given = _as_fitted(model, examples.inputs)
    labels = _plain(model.predict(given)) if isinstance(model, Predicts) else None  # a threshold may be its own
    return Answers(_plain(model.predict_proba(given)), None if classes is None else list(classes), True, labels)


def _of_estimator(model: Any, examples: Judged) -> Answers:  # noqa: ANN401
    return Answers(_plain(model.predict(_as_fitted(model, examples.inputs))))


def _of_callable(model: Any, examples: Judged) -> Answers:  # noqa: ANN401
    return Answers(_plain(model(examples.inputs)))


def _of_module(model: nn.Module, examples: Judged) -> Answers:
    tensors = _tensors(model, examples.inputs)
    first = next(iter(tensors.values()))
    pieces, modes = [], set_evaluating(model)
    try:
        with torch.no_grad():
            for start in range(0, len(first), BATCH):
                some = {name: tensor[start : start + BATCH] for name, tensor in tensors.items()}
                found = model(some[""]) if "" in some else model(**some)
                pieces.append(found[0] if isinstance(found, tuple | list) else found)
    finally:
        restore_modes(modes)
    wrong = next((piece for piece in pieces if not isinstance(piece, Tensor)), None)
    if wrong is not None:
        raise UsageRefusal(
            "ANSWERS_SHAPE",
            f"{called(model)} gave {type(wrong).__name__}, not a tensor",
            where="model",
            why="answers must be told apart, a row for each example",
            fix="give a callable around it that returns a tensor or an array",
        )
    return Answers(
        torch.cat(pieces).detach().float().cpu().numpy() if pieces[0].is_floating_point() else _plain(torch.cat(pieces))
    )


def _tensors(model: nn.Module, inputs: Any) -> dict[str, Tensor]:  # noqa: ANN401
    """The inputs as tensors where the module computes: arrays in its type, tensors as they are; columns of numbers as one."""
    like = next(model.parameters(), torch.zeros(()))
    whole = any(isinstance(one, nn.Embedding | nn.EmbeddingBag) for one in model.modules())

    def tensor(values: Any) -> Tensor:  # noqa: ANN401
        if isinstance(values, Tensor):
            return values.to(like.device)
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise UsageRefusal(
                "INPUTS_NOT_NUMBERS",
                f"{called(model)} is a torch module, and these inputs are no numbers",
                where=f"inputs: {_described(inputs)}",
                why="a module takes tensors",
                fix="give (X, y) with tensors or arrays, or a callable that turns the inputs into tensors itself",
            )
        kept = torch.from_numpy(np.ascontiguousarray(array)).to(like.device)
        return kept.long() if whole and array.dtype.kind in "iu" else kept.to(like.dtype)

    if is_frame(inputs):
        inputs = frame_columns(inputs)
    if not isinstance(inputs, Mapping):
        return {"": tensor(inputs)}
    columns = dict(inputs)
    if all(isinstance(one, np.ndarray) and one.ndim == 1 for one in columns.values()):
        return {"": tensor(np.stack([np.asarray(one, dtype=np.float64) for one in columns.values()], axis=1))}
    return {"": tensor(next(iter(columns.values())))} if len(columns) == 1 else {n: tensor(c) for n, c in columns.items()}


def _as_fitted(model: Any, inputs: Any) -> Any:  # noqa: ANN401
    """Columns by name as a frame, or as an array of numbers where the estimator was fitted on one."""
    if isinstance(inputs, Tensor):
        return inputs.detach().cpu().numpy()
    if not isinstance(inputs, Mapping):
        return inputs
    names = getattr(model, "feature_names_in_", None)
    numbers = all(isinstance(one, np.ndarray) and one.ndim == 1 and one.dtype.kind in "biuf" for one in inputs.values())
    if names is None and len(inputs) == 1:
        only = next(iter(inputs.values()))
        return only.reshape(-1, 1) if numbers else only
    if names is None and numbers:
        return np.stack(list(inputs.values()), axis=1)
    lacking = [] if names is None else [name for name in names if name not in inputs]
    if lacking:
        raise UsageRefusal(
            "INPUTS_LACK_COLUMNS",
            f"{called(model)} was fitted on columns that are not here: {', '.join(map(str, lacking[:8]))}",
            where=f"inputs: {_described(inputs)}",
            why="it knows its inputs by their names",
            fix="give (X, y) with the frame that this estimator takes",
        )
    library = next(name for name in FRAMES if find_spec(name) is not None)
    wanted = list(inputs) if names is None else list(names)
    return nw.from_dict({name: list(inputs[name]) for name in wanted}, backend=library).to_native()  # type: ignore[arg-type]


def _plain(found: Any) -> Column:  # noqa: ANN401
    return as_column(found.to_numpy() if is_frame(found) else found)


def _described(inputs: Any) -> str:  # noqa: ANN401
    if isinstance(inputs, Mapping):
        return f"columns {', '.join(list(map(str, inputs))[:6])}"
    shape = getattr(inputs, "shape", None)
    return f"{type(inputs).__name__}{'' if shape is None else f' of shape {tuple(shape)}'}"


def probabilities_of(scores: np.ndarray) -> tuple[np.ndarray, str]:
    """Scores (n, C) as probabilities, kept off 0, and how they were read: as they are, or as logits."""
    found = scores.astype(np.float64)
    if (found >= -SUM).all() and (np.abs(found.sum(1) - 1) <= SUM).all():
        return np.clip(found, LEAST, 1.0), ""
    shifted = np.exp(found - found.max(1, keepdims=True))
    return np.clip(shifted / shifted.sum(1, keepdims=True), LEAST, 1.0), "taken for logits, since they do not sum to 1"
