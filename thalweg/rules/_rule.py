"""The rule contract: what the training loop and the checkpoint ask of any way of learning."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import ResourceRefusal, UsageRefusal
from thalweg.core.exhaustion import Attempt
from thalweg.core.memory import free_bytes, room_told
from thalweg.core.position import Position, seed_from
from thalweg.core.processes import Processes
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.tasks._task import Task

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Context:
    """Where a rule works: the processes it belongs to, its device, the precision of its forward passes."""

    processes: Processes = field(default_factory=Processes)
    device: torch.device = torch.device("cpu")
    precision: str = "float32"


class Stateful(Protocol):
    """What a checkpoint can hold: modules, descents, anything with a state dictionary."""

    def state_dict(self) -> Mapping[str, Any]: ...
    def load_state_dict(self, state: Mapping[str, Any]) -> Any: ...  # noqa: ANN401


class RuleSettings(Settings):
    """What every rule that steps over batches has; a rule with other needs declares its own."""

    epochs: int | None = Field(None, ge=1, le=1_000_000, description="times through the training part; none: from its size")
    steps: int | None = Field(None, ge=1, le=1_000_000_000, description="steps instead of epochs")
    batch_size: int = Field(64, ge=1, le=1 << 24, description="rows of a global batch")


class Rule(ABC):
    """One way of learning.

    Attributes:
        shipped: what is evaluated, packaged and exported: the average, the generator, the policy.
        learned: all that holds state; checkpoints are generic over it.
        parts: into which this process's rows of a batch are split, one after another.
    """

    shipped: nn.Module
    learned: dict[str, Stateful]
    parts = 1

    def __init__(self, task: Task, model: nn.Module, settings: Settings, context: Context) -> None:
        self.task, self.model, self.settings, self.context = task, model, settings, context
        self.shipped, self.learned = model, {"model": model}

    @property
    def notes(self) -> list[str]:
        """Sentences on what ships that its settings do not make plain."""
        return []

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        """What this rule steps over: shuffled, augmented batches of the training part unless it gathers its own experience."""
        size = self._checked_size(dataset)
        return dataset.batches("train", size=size, augment=augment, processes=self.context.processes, training=True)

    def steps(self, batches: Batches) -> int:
        """How many steps the stage takes, fixed before the first."""
        settings = self.settings
        assert isinstance(settings, RuleSettings), "a rule whose settings have no epochs says itself how many steps it takes"
        if settings.steps is not None:
            return settings.steps
        if batches.length is None and settings.epochs is not None and "epochs" in settings.model_fields_set:
            raise UsageRefusal(
                "RULE_NO_EPOCHS",
                f"{settings.epochs:,} epochs are asked for, but these data are drawn anew at every step",
                where="--epochs",
                why="there is no going once through what never ends",
                fix="say how many steps: --steps 1000, or leave it out",
            )
        length = batches.length or 1
        return length * (settings.epochs or chosen_epochs(length, settings.batch_size))

    def begin(self, batches: Batches, at: Position) -> None:
        """The start of a stage (centres, principal components, storage); not repeated on resume.

        Called for every stage: at `at.stage > 0` the weights are those of the stage before. `for batch in batches` goes once
        through this process's rows, in order and not augmented. What is found lies in `learned`, most simply as buffers of the
        model; draw for `batch.whole` rows and cut, sum with `context.processes.sum`, so that processes agree.
        """

    def end(self, batches: Batches, at: Position) -> None:
        """The end of a stage (Fisher information, refits)."""

    @abstractmethod
    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        """One step: prepare, slope, update. Returns detached scalars to report, `loss` among them."""

    def split_further(self, batch: Batch, at: Position) -> None:
        """Take batches in more parts from here on: a step was refused memory, and nothing of it was done.

        Args:
            batch: of that step, as `step` was given it.
            at: where it was to be taken.

        Raises:
            ResourceRefusal: this rule cannot, or a part is one row already.
        """
        half = max(1, batch.whole // 2)
        raise self.lacking_memory(batch, at, "its steps need all rows of a batch at once", f"--batch-size {half} or less")

    def take_in(self, parts: int) -> None:
        """Split each batch into so many parts from here on, one after another."""
        self.parts = parts

    def lacking_memory(self, batch: Batch, at: Position, why: str, fix: str) -> ResourceRefusal:
        """The refusal, with numbers, of a step for which there is no memory."""
        free = free_bytes(self.context.device)
        weights = sum(one.numel() * one.element_size() for one in self.model.parameters())
        parts = f" in {self.parts} parts" if self.parts > 1 else ""
        taken = f"the weights alone take {weights / 1e6:,.1f} MB{room_told(free)}"
        return ResourceRefusal(
            "TRAIN_MEMORY_FULL",
            f"memory does not hold a step on {batch.size:,} rows{parts}: {taken}",
            where=f"step {at.step + 1} of stage {at.stage}",
            why=f"{why}; nothing of the step was done, and earlier checkpoints are kept",
            fix=fix,
            details={"rows": batch.size, "parts": self.parts, "weight_bytes": weights, "free_bytes": free, "step": at.step + 1},
        )

    def act(self, observation: Tensor, at: Position) -> Tensor:
        """What to do on seeing observations (n, ...); only rules that act."""
        name = self.declaration.name  # type: ignore[attr-defined]
        why = "only rules that learn by acting choose what to do"
        fix = "one that acts: thalweg list rules"
        raise UsageRefusal("RULE_CANNOT_ACT", f"the rule {name} does not act", where=f"rule {name}", why=why, fix=fix)

    def shell(self) -> dict[str, Any] | None:
        """For rules that ship the model inside a module of their own: the settings that `in_shell` builds it from again."""
        return None

    @staticmethod
    def in_shell(model: nn.Module, settings: Settings) -> nn.Module:
        """The module that ships, around a model that was just built; its weights are filled in afterwards."""
        return model

    def state_dict(self) -> dict[str, Any]:
        """All learned state by name."""
        return {name: thing.state_dict() for name, thing in self.learned.items()}

    def load_state_dict(self, state: Mapping[str, Any], *, grow: bool = False) -> None:
        """Take back learned state; with `grow`, an earlier stage's: old tensors fill the leading corner of larger ones."""
        for name, thing in self.learned.items():
            if not grow:
                thing.load_state_dict(state[name])
            elif name in state:  # a stage before may have learned by another rule
                load_grown(thing, state[name])

    def _checked_size(self, dataset: Dataset) -> int:
        """The batch size, at most the rows there are, and enough rows for every process."""
        assert isinstance(self.settings, RuleSettings)
        size, rows, world = self.settings.batch_size, dataset.rows("train"), self.context.processes.world
        size = min(size, rows) if rows is not None else size
        if size < world:
            raise UsageRefusal(
                "BATCH_TOO_SMALL",
                f"a batch of {size} rows cannot be shared by {world} processes",
                where="--batch-size",
                why="a process without rows would stop the others",
                fix=f"--batch-size {world} or more",
            )
        return size


def stepped(rule: Rule, batch: Batch, at: Position) -> dict[str, Tensor]:
    """A step of a rule; where memory is refused it is taken again, each time on more and smaller parts of its batch.

    Raises:
        ResourceRefusal: the rule cannot, or a part is one row already.
    """
    attempt = Attempt()
    while True:
        seed_from(at)
        with attempt:
            return rule.step(batch, at)
        rule.split_further(batch, at)


def required_model(model: nn.Module, kind: type[M], rule: Rule) -> M:
    """The model, for a rule that reaches into one family of models.

    Raises:
        UsageRefusal: it is of another family.
    """
    if isinstance(model, kind):
        return model
    name, needed = rule.declaration.name, kind.declaration.name  # type: ignore[attr-defined]
    raise UsageRefusal(
        "RULE_OTHER_MODEL",
        f"the rule {name} cannot change a {type(model).__name__}",
        where="--rule",
        why=f"it is made for the units of a {needed}",
        fix=f"--model {needed}, or leave the rule out",
    )


def chosen_epochs(length: int, batch_size: int) -> int:
    """Epochs where none are given: 600,000 examples, but at most 25 times through, at least 5 times and 400 steps."""
    by_examples = 600_000 // (length * batch_size)
    return max(min(by_examples, 25), 5, -(-400 // length))


def load_grown(thing: Stateful, old: Mapping[str, Any]) -> None:
    """Load a smaller state into a larger thing: old tensors fill the leading corner, the rest keeps its fresh values.

    Only tensors of modules grow; a descent whose parameters changed shape starts afresh.
    """
    if not isinstance(thing, nn.Module):
        return
    fresh = thing.state_dict()
    for name, tensor in old.items():
        if name in fresh and fresh[name].dim() == tensor.dim():
            corner = tuple(slice(0, min(a, b)) for a, b in zip(tensor.shape, fresh[name].shape, strict=True))
            fresh[name][corner] = tensor[corner]
    thing.load_state_dict(fresh)
