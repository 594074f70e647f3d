"""A linear probe: the head alone learns, on features that the rest of the model gives once, of the rows and of views of them.

What frozen weights say of a row never changes, so it is asked once; then a logistic or ridge regression is all that is left,
and takes seconds. The views are the rows as the run's augmentations change them, such as mirrored ones. A head that published
weights came with is no less known: classes begin with its rows that tell them best, and the penalty pulls towards these, where
that helps to tell one half of the rows after learning from the other.

References: Razavian et al. 2014, arXiv:1403.6382 (features of a trained net, off the shelf); `layers/published_head.py`.

Letters: N rows and their views, D features.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.core.settings import Choice
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.fields.ports import Ports
from thalweg.layers.published_head import Published, PublishedHead
from thalweg.optimizers._descent import Slope, make_descent
from thalweg.rules._gradient import GradientRule, GradientSettings, slope_of
from thalweg.rules._learning_parts import HEAD, TRUNK
from thalweg.rules._rule import Context, RuleSettings
from thalweg.tasks._task import Task

FEATURES = "features of the model"
"""The field of a batch that holds them."""


@runtime_checkable
class Featured(Protocol):
    """A model with a head: what it reads is offered too."""

    def features(self, *inputs: Tensor, **named: Tensor) -> Tensor: ...


class LinearProbeSettings(RuleSettings, GradientSettings):
    """How strongly the head is held, and of what it learns."""

    steps: int | None = Field(4, ge=1, le=1_000_000_000, description="steps, each over all rows")
    batch_size: int = Field(64, ge=1, le=1 << 24, description="rows whose features are computed at once")
    views: int = Field(1, ge=0, le=1000, description="how often each row is also seen as augmentations change it")
    optimizer: Choice = Choice(name="lbfgs")
    l2: float = Field(0.02, ge=0.0, description="weight of half the sum of squares of what the head differs from its origin by")
    published: bool = Field(True, description="classes begin near the outputs of a published head that tell them best, if any")
    freeze: tuple[str, ...] = Field((TRUNK,), description="layers that stay as they are; all but the head must")


@rule("linear-probe", settings=LinearProbeSettings, gradient=True, paper="Razavian et al. 2014, arXiv:1403.6382")
class LinearProbe(GradientRule):
    """Full steps of one descent on the head, over features kept in memory."""

    settings: LinearProbeSettings

    def __init__(self, task: Task, model: nn.Module, settings: LinearProbeSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        head = dict(model.named_children()).get(HEAD)
        if head is None or not isinstance(model, Featured) or any(not name.startswith(f"{HEAD}.") for name in self.trained):
            raise UsageRefusal(
                "RULE_OTHER_MODEL",
                f"a linear probe cannot change a {type(model).__name__}",
                where="--rule",
                why="it needs a model with features(...) and a head that reads them, all but the head frozen",
                fix="a model such as mobilenet-v2, with freeze left as it is; or another rule",
            )
        self.head, self.featured = head, model

    @property
    def notes(self) -> list[str]:
        given = self._published()
        if given is None:
            return super().notes
        outputs = f"each class begins as the one of {len(given.bias):,} published outputs that tells it best"
        return [*super().notes, f"{outputs}, where that helps to tell rows that were not learned from"]

    def begin(self, batches: Batches, at: Position) -> None:
        super().begin(batches, at)
        given = self._published()
        if given is None:
            return
        assert isinstance(batches, FeatureBatches), "a probe steps over features"
        if self._helps(given, batches.halves(at), at):
            origin = self._near(given, batches.at(at))
            self._place(origin)
            self.descent.hold_near(origin)

    def _near(self, given: PublishedHead, batch: Batch) -> dict[str, Tensor]:
        """The published outputs for the classes of these rows, by names of parameters."""
        port = self.task.ports.output
        near = given.for_classes(batch[FEATURES], batch[port.name], classes=port.width, processes=self.context.processes)
        return {f"{HEAD}.{name}": one for name, one in near._asdict().items()}

    def _helps(self, given: PublishedHead, halves: tuple[Batch, Batch], at: Position) -> bool:
        """Whether a head that learned from half of the rows tells the rest better where it began near published outputs."""
        fresh = {name: one.detach().clone() for name, one in self.trained.items()}
        ahead = torch.zeros((), device=self.context.device)
        for seen, held in (halves, halves[::-1]):
            for origin, sign in (({}, 1), (self._near(given, seen), -1)):
                self._place(fresh | origin)
                self._learn(seen, at, origin)
                ahead += sign * self.slope(held).loss
        self._place(fresh)
        return bool(self.context.processes.sum([ahead])[0] > 0)

    def _learn(self, batch: Batch, at: Position, origin: Mapping[str, Tensor]) -> None:
        """All steps, on these rows."""
        descent = make_descent(self.trained, self.settings, processes=self.context.processes)
        descent.hold_near(origin)
        for step in range(at.total):
            descent.update(self.slope(batch), replace(at, step=step), again=lambda: self.slope(batch))

    @torch.no_grad()
    def _place(self, weights: Mapping[str, Tensor]) -> None:
        for name, one in weights.items():
            self.trained[name].copy_(one)

    def _published(self) -> PublishedHead | None:
        """The head that the model's weights were published with, where it is to be used and classes are to be told apart."""
        known = self.model.published if isinstance(self.model, Published) and self.settings.published else None
        port = next(iter(self.task.ports.outputs), None)
        return PublishedHead(*known) if known and port is not None and port.size is not None and not port.shape else None

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        size, processes = self._checked_size(dataset), self.context.processes
        plain = dataset.batches("train", size=size, processes=processes)
        views = [dataset.batches("train", size=size, augment=augment, processes=processes)] * self.settings.views
        return FeatureBatches(plain, views if augment else [], self.featured, self.task.ports)

    def slope(self, batch: Batch) -> Slope:
        def answer(*inputs: Tensor, **named: Tensor) -> Tensor:
            given: Tensor = self.head(batch[FEATURES])
            return given

        return slope_of(self.task.objective(answer, batch), self.descent)


class FeatureBatches(Batches):
    """All rows and their views as one batch: targets as they are, features in the place of inputs; computed when first needed.

    Args:
        plain: the rows, once through in order.
        views: the same rows, augmented; each differs by its place.
    """

    def __init__(self, plain: Batches, views: Sequence[Batches], model: nn.Module, ports: Ports) -> None:
        self.plain, self.views, self.model, self.ports = plain, views, model, ports
        self.length = 1
        self._whole: Batch | None = None

    def at(self, position: Position) -> Batch:
        if self._whole is None:
            self._whole = self._computed(position)
        return self._whole

    def halves(self, position: Position) -> tuple[Batch, Batch]:
        """Every second row with its views, and the rest."""
        whole = self.at(position)
        place = torch.arange(whole.size) % (whole.size // (1 + len(self.views)))
        first, second = ((place % 2 == one).nonzero()[:, 0].to(whole.device) for one in (0, 1))
        return tuple(Batch.of({name: one[rows] for name, one in whole.items()}) for rows in (first, second))  # type: ignore[return-value]

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.plain)

    @torch.no_grad()
    def _computed(self, position: Position) -> Batch:
        was = self.model.training
        self.model.eval()
        several = [self._seen(batch) for batch in self._every(position)]
        self.model.train(was)
        fields = {name: torch.cat([one[name] for one in several]) for name in several[0]}
        return Batch.of(fields)

    def _every(self, position: Position) -> Iterator[Batch]:
        """The rows as they are, then each view of them; what is drawn depends on the seed and the view alone."""
        yield from self.plain
        for number, view in enumerate(self.views):
            assert view.length is not None
            for index in range(view.length):
                step = number * view.length + index
                yield view.at(Position(seed=position.seed, stage=position.stage, step=step, index=index).inside(FEATURES))

    def _seen(self, batch: Batch) -> dict[str, Tensor]:
        """What is kept of a batch: features, targets, and nothing of the inputs but that they are there."""
        arguments, named = self.ports.given(batch)
        features: Any = self.model.features(*arguments, **named)  # type: ignore[operator]
        empty = {name: batch[name].new_empty(batch.size, 0) for name in self.ports.names if name in batch}
        return {**batch.fields, **empty, FEATURES: features}
