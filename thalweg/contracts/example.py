"""A model's example as data: what its tiny instance is trained on, by its own task and rule."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from thalweg.contracts.finding import Beside, broken
from thalweg.contracts.subject import EXAMPLE, Subject, seeded
from thalweg.core import registry
from thalweg.core.device import weights_dtype
from thalweg.core.errors import Refusal
from thalweg.core.position import Position
from thalweg.core.settings import Choice
from thalweg.data import catalogue
from thalweg.data.batches import Store
from thalweg.data.dataset import PARTS, Dataset, Examples, StoredDataset
from thalweg.data.read import catalogued, read
from thalweg.fields.column import Column
from thalweg.fields.encoding import Encoding, Encodings
from thalweg.fields.ports import Port, Ports
from thalweg.rules._rule import Context, Rule
from thalweg.tasks._task import Task, measured
from thalweg.training.loop import Progress, learn
from thalweg.training.plan import choose_precision, choose_rule
from thalweg.training.settings import RunSettings

EXAMPLE_NAME = "example"
STEPS = 1000
"""Steps in which an example is learned at the latest, where no recipe says how many; domains take their rule's own number."""
LOOKS = 20
"""How often is looked whether enough is learned."""


class Ready(Encoding):
    """Values that are encoded already: one port of a model, its tensors taken as they are."""

    def __init__(self, port: Port, role: Any) -> None:  # noqa: ANN401 - a Role
        super().__init__(port.name, [port.name], role)
        self._port = port

    @property
    def kind(self) -> str:
        return self._port.kind

    @property
    def port(self) -> Port:
        return self._port

    @classmethod
    def example(cls) -> list[Column]:
        return []

    def fit(self, columns: Sequence[Column]) -> Self:
        return self

    def encode(self, columns: Sequence[Column]) -> Tensor:
        return torch.as_tensor(columns[0])

    def decode(self, tensor: Tensor) -> Column:
        return tensor.detach().cpu().numpy()

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> Self:
        return self


@dataclass(frozen=True)
class Toy:
    """What a model learns in its contracts: data that its task can be made for."""

    subject: Subject
    dataset: Dataset
    task: Task
    precision: str

    def model(self) -> nn.Module:
        """The tiny instance for the task's ports, in the toy's precision."""
        with seeded(0):
            made: nn.Module = self.subject.kind(self.task.ports, self.subject.settings)
        self.task.bind(made)
        return made.to(weights_dtype(self.precision))

    def rule(self, model: nn.Module, name: str = "", **changed: Any) -> Rule:
        """A rule by its name, or the one that the model is learned by; its recipe's settings lie under those given."""
        declared = self.task.declaration.facts  # type: ignore[attr-defined]
        choice = choose_rule(RunSettings(rule=Choice(name=name)), self.subject.facts, declared).choice
        kind = registry.load("rule", choice.name)
        fields = kind.declaration.settings.model_fields
        wanted = self.dataset.name == EXAMPLE_NAME and "steps" in fields and "steps" not in choice.settings
        steps = {"steps": STEPS} if wanted else {}
        given = {name: value for name, value in choice.settings.items() if name != "epochs"} | steps | changed
        settings = registry.settings_of("rule", choice.name, {name: one for name, one in given.items() if one is not None})
        with seeded(1):
            rule: Rule = kind(self.task, model, settings, Context(precision=self.precision))
        return rule


def toy(subject: Subject) -> Toy:
    """The example as a dataset; where the task cannot learn stored rows, a domain or environment of the catalogue instead.

    Raises:
        Beside: the model names no task.
        Broken: the task can learn neither.
    """
    names = [subject.facts["task"]] if "task" in subject.facts else subject.facts.get("tasks", ())
    if not names:
        raise Beside("it names no task that it learns")
    made = _tasks(names[0], itertools.chain(_stored(subject), _catalogued(names[0])))
    for dataset, task in made:
        if _named(task.ports) == _named(subject.ports) or dataset.name != EXAMPLE_NAME:
            return Toy(subject, dataset, task, precision_of(names[0]))
    broken(f"the task {names[0]} can learn neither its example nor a domain or environment of the catalogue", EXAMPLE)


def _named(ports: Ports) -> tuple[set[str], set[str]]:
    return {port.name for port in ports.inputs}, {port.name for port in ports.outputs}


def precision_of(task: str) -> str:
    """The precision in which a task is learned."""
    return choose_precision(RunSettings(), registry.facts("task", task))


def _tasks(name: str, datasets: Iterable[Dataset]) -> Iterator[tuple[Dataset, Task]]:
    """Each dataset that a task can learn, with the task made for it."""
    for dataset in datasets:
        dataset = dataset.to("cpu", weights_dtype(precision_of(name)))
        try:
            task: Task = registry.load("task", name)(dataset.encodings, registry.settings_of("task", name))
            task.adopt(dataset)
        except Refusal:
            continue
        yield dataset, task


def _stored(subject: Subject) -> Iterator[StoredDataset]:
    """The example with every way of telling inputs from targets, the model's own inputs first."""
    rows = subject.rows()
    index = torch.arange(len(next(iter(rows.values()))))
    ports = {port.name: port for port in (*subject.ports.inputs, *subject.ports.outputs)}
    fields = [port for port in ports.values() if port.name in rows and not port.drawn and not port.training_only]
    read_by_model = {port.name for port in subject.ports.inputs}
    natural = tuple("input" if port.name in read_by_model else "target" for port in fields)
    for roles in [natural, *itertools.product(("input", "target"), repeat=len(fields))]:
        encodings = Encodings([Ready(port, role) for port, role in zip(fields, roles, strict=True)])
        held = {name: one for name, one in rows.items() if name.removesuffix("_mask") in encodings}
        if held:
            yield StoredDataset(Examples(EXAMPLE_NAME, {}), Store(held, encodings), dict.fromkeys(PARTS, index), EXAMPLE_NAME)


def _catalogued(task: str) -> list[Dataset]:
    """The domains and environments of the catalogue that are for a task."""
    names = [name for name in catalogued() if registry.facts("source", name).get("task") == task and not catalogue.entry(name)]
    return [found for found in map(read, names) if isinstance(found, Dataset)]


def learned(toy: Toy, rule: Rule, *, enough: Callable[[float], bool]) -> Progress:
    """Train the toy by a rule, from beginning to end, as a stage of a run does.

    Args:
        enough: whether the headline metric is good enough to stop before the last step.
    """
    batches = rule.batches(toy.dataset)
    progress = Progress(Position(total=rule.steps(batches)), batches.length)
    every = max(1, progress.position.total // LOOKS)

    def look(now: Progress, learning: Rule) -> None:
        if now.position.step % every == 0:
            value = headline(toy, learning.shipped)[1]
            now.stopped = "enough is learned" if value is not None and enough(value) else ""

    rule.begin(batches, progress.position)
    learn(rule, batches, progress, [look])
    rule.end(batches, progress.position)
    return progress


def headline(toy: Toy, model: Any) -> tuple[str, float | None]:  # noqa: ANN401 - a module or a stand-in
    """The task's first metric of a model, on the toy's test part."""
    values = measured(toy.task, model, toy.dataset.batches("test", size=256), at=Position())
    name = next(iter(toy.task.metrics))
    return name, values[name]
