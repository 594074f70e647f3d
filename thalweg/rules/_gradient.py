"""Learning by slopes: forward, loss, backward, one descent. What differs between such rules is what they prepare."""

import functools
from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from thalweg.core.device import autocast
from thalweg.core.errors import UsageRefusal
from thalweg.core.exhaustion import Attempt, out_of_memory
from thalweg.core.lanes import Lanes
from thalweg.core.position import Position
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.layers.start import Start, StartsFromData, start_from_data
from thalweg.optimizers._average import Average, Between, Follower
from thalweg.optimizers._descent import Descent, DescentSettings, Slope, half_done, make_descent
from thalweg.rules._learning_parts import AtRest, frozen_parameters, shares_of_rate
from thalweg.rules._rule import Context, Rule
from thalweg.tasks._task import Losses, Task


class GradientSettings(DescentSettings):
    """By which descent, in how many parts, with which average."""

    accumulate: int = Field(1, ge=1, le=65536, description="parts that a batch is split into, one after another")
    freeze: tuple[str, ...] = Field((), description="layers that stay as they are; trunk: all but the head")
    freeze_statistics: bool = Field(False, description="batch normalisation keeps the running statistics that it has")
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of each layer as a share of that of the layer above it")
    average: float | None = Field(
        None, ge=0, lt=1, description="decay of the weight average that ships; none: the last weights"
    )
    between: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="how far what ships lies from the weights before the stage to those learned; none: all the way",
    )

    @field_validator("freeze", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """Names in one text, parted by commas."""
        return tuple(one.strip() for one in given.split(",") if one.strip()) if isinstance(given, str) else given


class GradientRule(Rule, ABC):
    """Prepare, slope, update.

    `slope` is a function of tensors alone, so that it can be compiled or captured; running statistics are put back when a slope
    is not finite.

    Attributes:
        objective: the task's, which may be compiled.
        lanes: in which the parts of a batch are computed side by side; None: in one piece, or one part after another.
        through: the nets that a batch goes through.
    """

    settings: GradientSettings

    def __init__(self, task: Task, model: nn.Module, settings: GradientSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        self.objective = task.objective
        self.lanes: Lanes | None = None
        self.through: tuple[nn.Module, ...] = (model,)
        self.parts, self._layers = settings.accumulate, tuple(model.modules())
        self._summing = False  # slopes of all processes are being summed, or were
        frozen = frozen_parameters(model, settings.freeze)
        self.at_rest = AtRest.of(model, frozen, statistics=settings.freeze_statistics)
        if settings.accumulate > 1:
            refuse_to_split(task, model, at_rest=self.at_rest.norms)
        learning = {name: one for name, one in model.named_parameters() if one.requires_grad}
        self.trained = {name: one for name, one in learning.items() if name not in frozen}
        if not self.trained:
            held = next(model.parameters(), None) is not None
            raise UsageRefusal(
                "MODEL_NOTHING_TO_TRAIN",
                "the model has no parameter that may change",
                where=f"model {type(model).__name__}: "
                + ("all of its parameters are frozen" if held else "it registers no parameter"),
                why="learning by slopes would leave it as it is",
                fix="unfreeze a part of it: net.head.requires_grad_(True)"
                if held
                else "hold layers as attributes or in nn.ModuleList, not in a plain list; or choose another rule: --rule",
            )
        self.descent = make_descent(
            self.trained,
            settings,
            processes=context.processes,
            scaled=context.precision == "float16",
            shares=None if settings.layer_decay == 1 else shares_of_rate(model, settings.layer_decay),
        )
        self.learned = {"model": model, "descent": self.descent}
        self.followers = _followers(model, settings)
        for name, one in self.followers.items():
            self.shipped, self.learned[name] = one.module, one

    @property
    def notes(self) -> list[str]:
        begun = [one.note for one in self.model.modules() if isinstance(one, StartsFromData)]
        return list(filter(None, [*begun, *(one.note for one in self.followers.values())]))

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        supply = super().batches(dataset, augment)
        rows = dataset.rows("train")
        _refuse_single_rows(self.model, rows // supply.length if rows is not None and supply.length else None)
        return supply

    def begin(self, batches: Batches, at: Position) -> None:
        """Lets layers that start from data look at the training rows, and starts what ships afresh.

        A rule with a beginning of its own calls this last.
        """
        if at.stage == 0:
            target = next(iter(self.task.ports.outputs), None)
            generator = at.generator("start", by="run")
            weight = next((one.name for one in self.task.encodings.of_role("weight")), "")
            start_from_data(self.model, Start(batches, target, generator, self.context.processes, weight))
        else:
            for module in self.model.modules():
                if isinstance(module, StartsFromData):
                    module.outlive()
        self._lead_anew()

    def load_state_dict(self, state: Mapping[str, Any], *, grow: bool = False) -> None:
        super().load_state_dict(state, grow=grow)
        if grow:
            self._lead_anew()

    def prepare(self, batch: Batch, at: Position) -> Batch:
        """What the task draws, and what a rule adds that no gradient flows through (bootstrapped values)."""
        return self.task.prepare(batch, at)

    def slope(self, batch: Batch) -> Slope:
        """The gradient of the summed, weighted loss over these rows."""
        with autocast(self.context.device, self.context.precision):
            losses = self.objective(self.model, batch)
        return slope_of(losses, self.descent)

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        batch, statistics, self._summing = self.prepare(batch, at), self._statistics(), False
        parts = batch.parts(self.parts if self.lanes is None else self.lanes.count)
        each: Callable[..., Iterable[Slope]] = map
        if self.lanes is not None:
            each = functools.partial(self.lanes.map, seed=at.number("lanes"))
        scale = self.descent.scale  # of this step: an update may change it
        try:
            with self.at_rest.held():
                slope, self._summing = reduce(add, each(self.slope, parts)), True
                finite = self.descent.update(slope, at, again=lambda: reduce(add, each(self.slope, parts)))
        except (MemoryError, RuntimeError):  # the step may be taken again
            put_back(statistics)
            raise
        if bool(finite):
            self._lead()
        else:
            put_back(statistics)
        loss = slope.loss / (slope.weight * scale).clamp(min=1e-12)
        return {"loss": loss, "finite": finite, **slope.measures}

    def step_unless(self, halted: Tensor, batch: Batch, rates: Sequence[float | Tensor], shares: Tensor) -> Tensor:
        """A step that waits for nothing: whether it was finite stays on the device.

        Args:
            halted: () float32, 1 where nothing is to change; becomes 1 here where the slope is not finite.
            batch: as `prepare` gave it.
            rates: of each group of parameters.
            shares: (F,) how far each follower goes; the rule does not count these updates.

        Returns:
            The loss ().
        """
        statistics = self._statistics()
        try:
            with self.at_rest.held():
                slope = reduce(add, map(self.slope, batch.parts(self.parts)))
                self.descent.update_unless(halted, slope, rates)
        except (MemoryError, RuntimeError):
            put_back(statistics)
            raise
        _put_back_where(halted > 0, statistics)
        for (follower, leader), share in zip(self.led(), (shares * (1 - halted)).unbind(), strict=True):
            follower.follow(leader, share)
        return slope.loss / slope.weight.clamp(min=1e-12)

    def split_further(self, batch: Batch, at: Position) -> None:
        """First parts that were computed side by side are taken one after another, then there are twice as many.

        Raises:
            ResourceRefusal: a part is one row already, rows depend on each other, or other processes wait for this one's sum.
        """
        for parameter in self.descent.parameters:
            parameter.grad = None
        if self._summing and self.context.processes.world > 1:
            why = "it was refused to one process while the others went on"
            raise self.lacking_memory(batch, at, why, "--resume with fewer processes, or a smaller model")
        if self.lanes is not None:
            self.take_in(self.lanes.count)
            return
        try:
            for net in self.through:
                refuse_to_split(self.task, net, at_rest=self.at_rest.norms)
        except UsageRefusal as refusal:
            why = f"its rows depend on each other ({refusal.where}), so that smaller parts would learn something else"
            raise self.lacking_memory(batch, at, why, self._smaller(batch, at)) from None
        if self.parts >= batch.size:
            why = "a single row at a time is too much"
            raise self.lacking_memory(batch, at, why, "a smaller model, shorter or smaller inputs, or more memory")
        self.take_in(min(2 * self.parts, batch.size))

    def take_in(self, parts: int) -> None:
        super().take_in(parts)
        self.lanes = None

    def _smaller(self, batch: Batch, at: Position) -> str:
        """What to ask for where a batch cannot be split: the largest of its halves whose slope there is memory for."""
        rows, attempt, statistics = batch.size // 2, Attempt(), self._statistics()
        while rows > 1:
            with attempt, self.at_rest.held():
                self.slope(self.prepare(batch, at).cut(0, rows))
            put_back(statistics)
            if not attempt.refused:
                return f"--batch-size {rows * batch.whole // batch.size}, which was tried and fits"
            rows //= 2
        return "a smaller model: not even two rows of a batch fit"

    def _lead(self) -> None:
        """Let all followers take in the weights after a step."""
        try:
            for follower, leader in self.led():
                follower.update(leader)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise half_done("average") from None

    def _statistics(self) -> list[tuple[Tensor, Tensor]]:
        """All buffers that a slope may change, each with a copy."""
        return [(one, one.clone()) for layer in self._layers for one in layer._buffers.values() if one is not None]

    def _lead_anew(self) -> None:
        for follower, leader in self.led():
            follower.reset(leader)

    def led(self) -> Iterator[tuple[Follower, nn.Module]]:
        """Each follower with the module that it follows: the model, or the one before it."""
        leader = self.model
        for follower in self.followers.values():
            yield follower, leader
            leader = follower.module


def _followers(model: nn.Module, settings: GradientSettings) -> dict[str, Follower]:
    """What follows the model by name, each the one before it; the last one ships."""
    found: dict[str, Follower] = {}
    if settings.average is not None:
        found["average"] = Average(model, settings.average)
    if settings.between is not None:
        found["between"] = Between(model, settings.between)
    return found


def slope_of(losses: Losses, descent: Descent) -> Slope:
    """The gradient of summed, weighted losses with respect to what a descent updates."""
    total = (losses.loss * losses.weight).sum()
    scaled = total * descent.scale if descent.scaled else total
    gradients = torch.autograd.grad(scaled, descent.parameters, materialize_grads=True)
    return Slope(gradients, scaled.detach(), losses.weight.detach().sum(), losses.measures)


@torch.no_grad()
def put_back(statistics: Sequence[tuple[Tensor, Tensor]]) -> None:
    """Give buffers the values that they had."""
    for buffer, former in statistics:
        buffer.copy_(former)


@torch.no_grad()
def _put_back_where(spared: Tensor, statistics: Sequence[tuple[Tensor, Tensor]]) -> None:
    for buffer, former in statistics:
        buffer.copy_(torch.where(spared, former, buffer))


def _refuse_single_rows(model: nn.Module, least: int | None) -> None:
    """Raise where batches have as few rows as one and the model normalises single numbers over them."""
    over_rows = [name for name, one in model.named_modules() if isinstance(one, nn.BatchNorm1d)]
    if least == 1 and over_rows:
        raise UsageRefusal(
            "BATCH_OF_ONE",
            "a batch would hold a single row, which has no variance to normalise by",
            where=f"--batch-size; batch normalisation in {over_rows[0]}",
            why="every value would become zero, or the step would fail",
            fix="--batch-size 16 or more, more rows, or a model without batch normalisation",
        )


def refuse_to_split(task: Task, model: nn.Module, *, at_rest: Sequence[nn.Module] = ()) -> None:
    """Refuse to split batches where an example's loss depends on its neighbours.

    Args:
        at_rest: normalisations that keep their running statistics, and so do not look at the batch.

    Raises:
        UsageRefusal: the objective compares rows, or the model normalises over them.
    """
    resting = {id(one) for one in at_rest}
    batch_norms = {name: one for name, one in model.named_modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)}
    normalised = [name for name, one in batch_norms.items() if id(one) not in resting]
    loss = vars(type(task.loss)).get("declaration")
    independent = task.rows_independent and (loss is None or loss.facts.get("rows_independent", True))
    if independent and not normalised:
        return
    raise UsageRefusal(
        "BATCH_NOT_SPLITTABLE",
        "this batch cannot be split: its rows depend on each other",
        where=f"batch normalisation in {normalised[0]}" if normalised else f"the objective of {type(task).__name__}",
        why="parts of a batch would give another result than the whole",
        fix="--set rule.accumulate=1 with a smaller --batch-size, or a model without batch normalisation",
    )
