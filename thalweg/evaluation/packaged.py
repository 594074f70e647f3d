"""Baselines as packages: the arrays of a fitted estimator, in a net's place, without pickle.

What is written was first held against scikit-learn's own answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from thalweg.core import registry
from thalweg.core.errors import UsageRefusal, did_you_mean
from thalweg.core.manifest import shown
from thalweg.core.run_folder import RunFolder
from thalweg.core.settings import Settings, read_settings
from thalweg.data.dataset import Dataset
from thalweg.evaluation._baseline import Baseline, Fitted
from thalweg.evaluation.features import Columns, inputs_of
from thalweg.evaluation.opponents import Opponent
from thalweg.evaluation.sparse import LENGTH, Chained, Weighed
from thalweg.models.classical._evaluator import Evaluator
from thalweg.models.classical.sparse_columns import SparseColumns
from thalweg.models.classical.whole import Whole
from thalweg.packages.package import Package, load_package, write_package
from thalweg.tasks._task import Task

CLOSE = 1e-6
"""How far an answer may lie from scikit-learn's: of a probability, or of a standardised value."""
MOST_BYTES = 64 << 20
"""A baseline that is larger is kept only where it is the opponent."""
HELD, BATCH = 512, 256
"""Validation rows that are answered both ways before anything is written."""


class Outputs(Settings):
    """How a classical model's answers become a net's; see `Fitted`."""

    classes: int | None = None
    decisions: bool = False
    sharpness: float = 1.0
    setting: str = ""


class Classical(nn.Module):
    """A fitted classical model in a net's place; all it knows lies in buffers."""

    def __init__(self, whole: Whole, columns: Columns, outputs: Outputs) -> None:
        super().__init__()
        self.parts = nn.ModuleDict()
        for name, array in whole.arrays().items():
            part, _, rest = name.partition(".")
            if part not in self.parts:
                self.parts[part] = nn.Module()
            self.parts[part].register_buffer(rest, torch.from_numpy(np.array(array)))
        self.fitted = Fitted(whole, columns, outputs.classes, outputs.decisions, outputs.sharpness)

    def forward(self, *arguments: Tensor, **named: Tensor) -> Tensor:
        """Log-probabilities (B, C), or standardised values (B, d)."""
        return self.fitted(*arguments, **named)


def rebuilt(part: Baseline, task: Task, weights: Mapping[str, Tensor], settings: Mapping[str, Any]) -> nn.Module:
    """The model in a package of form `baseline`.

    Raises:
        ValueError: the arrays are not those of such a model.
        UsageRefusal: the settings are not.
    """
    outputs = read_settings(Outputs, settings, where="package.json")
    arrays = {name.removeprefix("parts."): tensor.numpy() for name, tensor in weights.items()}
    whole = Whole.from_arrays(part.evaluator(), arrays)
    if outputs.classes is not None and whole.classes_.max(initial=-1) >= outputs.classes:
        raise ValueError(f"a class beyond the {outputs.classes} that the task knows")
    module = Classical(whole, Columns(task), outputs)
    _try(module, task)
    return module


def _try(module: Classical, task: Task) -> None:
    """Answer two made-up rows: arrays of other types, or made for other columns, are found before anybody asks.

    Raises:
        ValueError: they cannot answer.
    """
    rows: dict[str, Tensor] = {}
    for port in task.ports.inputs:
        shape = [2, *(port.longest or 1 if axis is None else axis for axis in port.shape)]
        discrete = port.size is not None or bool(port.sizes)
        rows[port.name] = torch.zeros(shape, dtype=torch.long if discrete else torch.float32)
        rows |= {f"{port.name}_mask": torch.ones(shape[:2], dtype=torch.bool)} if port.masked else {}
    try:
        with np.errstate(all="ignore"):  # values that are not finite are refused by name
            module(**rows)
    except (IndexError, TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(f"its arrays answer no row: {error}") from None


def whole_of(part: Baseline, estimator: Any) -> Whole:  # noqa: ANN401 - a fitted estimator of scikit-learn
    """The arrays of a fitted estimator, also of one for each output, also behind a step for sparse rows."""
    kind = part.evaluator()
    if not isinstance(estimator, Chained):
        return Whole(_each(kind, estimator))
    outputs = _each(kind, estimator.estimator)
    if isinstance(estimator.step, Weighed):
        return _trimmed(Whole(outputs, _passing(estimator.step, np.arange(len(estimator.step.weights)), None)))
    assert estimator.step.weighed is not None, "a fitted step has counted"
    return Whole(outputs, _passing(estimator.step.weighed, estimator.step.kept, estimator.step.directions))


def _passing(step: Weighed, kept: np.ndarray, directions: np.ndarray | None) -> SparseColumns:
    """The arrays of a fitted step for sparse rows."""
    if directions is not None and not directions.shape[1]:
        raise ValueError("its rows hold too few words to be condensed")
    found = np.zeros((len(kept), 0)) if directions is None else directions
    nothing, dense, length = np.zeros(0, dtype=np.int64), np.asarray([step.dense]), np.asarray([LENGTH])
    return SparseColumns(nothing, dense, length, step.weights, kept.astype(np.int64), found)


def _each(kind: type[Evaluator], estimator: Any) -> list[Evaluator]:  # noqa: ANN401
    from sklearn.multioutput import MultiOutputRegressor

    return [kind.of(one) for one in (estimator.estimators_ if isinstance(estimator, MultiOutputRegressor) else [estimator])]


def _trimmed(whole: Whole) -> Whole:
    """Without the sparse columns that no output gives weight, where outputs weigh columns one by one."""
    assert whole.step is not None, "only sparse rows have a step"
    used = np.logical_or.reduce([one.used_columns() for one in whole.outputs])
    return Whole([one.with_columns(used) for one in whole.outputs], whole.step.only(used))


@dataclass(frozen=True)
class Shipping:
    """Where baselines go, and what their packages say.

    Attributes:
        folder: holds a package for each, by its name.
        net: the run's own package, whose task and facts they share.
        refuse: raises where the folder may no longer be written.
    """

    folder: Path
    net: Package
    refuse: Callable[[], object] = bool

    def ship(self, one: Opponent, *, dataset: Dataset, always: bool) -> str:
        """Write one baseline; returns why it was not kept, empty where it was, and for the trivial answer, which is none.

        Args:
            always: also where it is large.
        """
        model = one.model
        if not isinstance(model, Fitted):
            return ""
        try:
            whole = whole_of(registry.load("baseline", one.name)(), model.estimator)
        except (NotImplementedError, AttributeError, TypeError, ValueError) as error:
            return f"{one.title} is not kept: {str(error).splitlines()[0][:100] if str(error) else type(error).__name__}"
        size = sum(array.nbytes for array in whole.arrays().values())
        if size > MOST_BYTES and not always:
            return f"{one.title} is not kept: it takes {size / 1e6:,.0f} MB"
        outputs = Outputs(classes=model.classes, decisions=model.decisions, sharpness=model.sharpness, setting=one.setting)
        module = Classical(whole, Columns(self.net.task), outputs)
        apart = _apart(self.net.task, model, module, dataset)
        if apart > CLOSE:
            return f"{one.title} is not kept: its arrays answer otherwise than scikit-learn, by {apart:.1g}"
        named = {"name": one.name, "settings": outputs.model_dump(mode="json")}
        package = Package("baseline", named, self.net.task, module, self.net.source, self.net.facts)
        self.refuse()
        write_package(self.folder / one.name, package, card=_card(one, dataset.name))
        return ""


def _apart(task: Task, fitted: Fitted, module: nn.Module, dataset: Dataset) -> float:
    """The largest distance between two models' answers on validation rows: of probabilities, or of values."""
    worst, seen = 0.0, 0
    for batch in dataset.batches("validation", size=BATCH):
        inputs = inputs_of(task, batch)
        both = [one(**inputs).double() for one in (fitted, module)]
        both = [one.exp() if fitted.classes is not None else one for one in both]
        worst, seen = max(worst, float((both[0] - both[1]).abs().max())), seen + batch.size
        if seen >= HELD:
            break
    return worst


def _card(one: Opponent, data: str) -> str:
    fitted = f"{one.setting}; fitted on {one.rows:,} of {one.whole:,} training rows"
    return (
        f"# {shown(data)}: {one.title}\n\nA classical model that a net was compared with ({fitted}), as arrays.\n\n"
        "```python\nimport thalweg as tw\n\ntw.load('.').predict(...)\n```\n"
    )


def kept(folder: RunFolder, name: str) -> Package:
    """The baseline of a run by its name, as people write it.

    Raises:
        UsageRefusal: the run has not kept it; those that it has are named.
    """
    wanted = name.strip().casefold().replace(" ", "-").replace("_", "-")
    found = folder.baselines.iterdir() if folder.baselines.is_dir() else ()
    there = sorted(entry.name for entry in found if entry.is_dir() and entry.name[0] != ".")
    if wanted in there:
        return load_package(folder.baselines / wanted)
    known = wanted in registry.names("baseline")
    why = "it was not fitted, or is not kept" if known else "only what the run was compared with can take its place"
    listed = f"one of {', '.join(there)}" if there else "train again with the comparison: --compare true"
    close = "" if known or not there else f"; {did_you_mean(wanted, there)}"
    what = f'this run has no baseline "{name[:60]}"{close}'
    raise UsageRefusal("BASELINE_UNKNOWN", what, where=f"{folder.path}/baselines", why=why, fix=listed)
