"""Subjects: a model as contracts see it, whether thalweg ships it, another package declares it or a user just wrote it."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from thalweg.contracts.finding import broken
from thalweg.core import registry
from thalweg.core.registry import Declaration
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port, Ports

TINY = "give it a static method tiny() that returns its smallest ports and settings (see thalweg/models/perceptron.py)"
EXAMPLE = "give it a static method example(ports, generator) that returns a batch of eight rows, targets included"

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Subject:
    """A model with its smallest instance and an example that it can learn.

    Attributes:
        file: where it is written.
        ports: of the smallest instance.
        settings: of the smallest instance; None for a module that takes none.
        build: the module of some settings; weights from torch's default generator.
        example: a batch of encoded rows, targets included, from a generator.
    """

    name: str
    kind: type[nn.Module]
    file: Path
    facts: Mapping[str, Any]
    ports: Ports
    settings: Settings | None
    build: Callable[[Settings | None], nn.Module]
    example: Callable[[torch.Generator], Tensors]

    @property
    def excuses(self) -> Mapping[str, str]:
        """Contract to the reason why it is excused from it."""
        excused: Mapping[str, str] = self.facts.get("excused", {})
        return excused

    def made(self, settings: Settings | None = None, *, seed: int = 0) -> nn.Module:
        """The smallest instance, or that of other settings, in evaluation mode; the same weights for the same seed."""
        with seeded(seed):
            return self.build(settings or self.settings).eval()

    def rows(self, count: int | None = None, *, seed: int = 0) -> dict[str, Tensor]:
        """Rows of the example, inputs and targets; more than it holds come again."""
        whole = self.example(torch.Generator().manual_seed(seed))
        held = len(next(iter(whole.values())))
        index = torch.arange(held if count is None else count) % held
        return {name: tensor[index] for name, tensor in whole.items()}

    def answer(self, model: nn.Module, rows: Tensors) -> dict[str, Tensor]:
        """What the model says of rows, without gradients, by the names of its outputs."""
        with torch.no_grad():
            return self.outputs(model, rows)

    def outputs(self, model: nn.Module, rows: Tensors) -> dict[str, Tensor]:
        """What the model gives, by the names of its outputs where it gives several."""
        arguments, named = self.ports.bound(model).given(rows)
        return self.named(model(*arguments, **named))

    def named(self, given: object) -> dict[str, Tensor]:
        """What a model gave, by the names of its outputs; what it gives beyond those (a mask) is numbered."""
        if isinstance(given, Mapping):
            return dict(given)
        several = given if isinstance(given, tuple) else (given,)
        names = [port.name for port in self.ports.outputs]
        names += [f"output {index}" for index in range(len(names), len(several))]
        if len(several) < len(self.ports.outputs) or not all(isinstance(one, Tensor) for one in several):
            broken(
                f"forward returns {type(given).__name__}, its ports say {', '.join(names) or 'nothing'}",
                "return one tensor, a tuple in the order of the output ports, or a mapping by their names",
            )
        return dict(zip(names, several, strict=True))

    def inputs(self, rows: Tensors) -> dict[str, Tensor]:
        """Of rows, what the model reads."""
        return {name: rows[name] for name in self.ports.names if name in rows}


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's default generator starts from a seed here, and goes on afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def registered(name: str) -> Subject:
    """The subject of a model that can be named.

    Raises:
        Broken: it lacks `tiny` or `example`.
    """
    kind = registry.load("model", name)
    return declared(kind, Path(inspect.getfile(kind)))


def declared(kind: type[nn.Module], file: Path) -> Subject:
    """The subject of a class declared with `@model`.

    Raises:
        Broken: it lacks `tiny` or `example`.
    """
    declaration: Declaration = kind.declaration  # type: ignore[attr-defined]
    tiny, example = _method(kind, "tiny", TINY), _method(kind, "example", EXAMPLE)
    ports, settings = tiny()
    if not isinstance(ports, Ports) or not isinstance(settings, declaration.settings):
        broken("tiny() returns something else than ports and settings", TINY)

    def build(chosen: Settings | None) -> nn.Module:
        return kind(ports, chosen)

    def batch(generator: torch.Generator) -> Tensors:
        rows: Tensors = example(ports, generator)
        return rows

    return Subject(declaration.name, kind, file, declaration.facts, ports, settings, build, batch)


def _method(kind: type[nn.Module], name: str, fix: str) -> Callable[..., Any]:
    if inspect.getattr_static(kind, name, None) is None:
        broken(f"{kind.__name__} has no {name}(), so nothing can be tried", fix)
    method: Callable[..., Any] = getattr(kind, name)
    return method


def undeclared(kind: type[nn.Module], file: Path) -> Subject:
    """The subject of any module whose constructor needs nothing: its inputs are guessed from its first layer.

    Raises:
        Broken: it cannot be built without arguments, or no guess of its inputs fits.
    """
    try:
        with seeded(0):
            model = kind().eval()
    except TypeError as error:
        broken(f"{kind.__name__}() cannot be built without arguments: {error}", f"give every argument a default, or {TINY}")
    named = [one for one in inspect.signature(model.forward).parameters.values() if one.default is one.empty]
    names = [one.name for one in named if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    for shape, size in _guesses(model):
        subject = _guessed(kind, file, names, shape, size)
        try:
            answers = subject.answer(model, subject.rows(2))
        except (RuntimeError, IndexError, ValueError, TypeError):
            continue
        outputs = tuple(Port(name, "vector", tuple(one.shape[1:])) for name, one in answers.items())
        return dataclasses.replace(subject, ports=Ports(subject.ports.inputs, outputs))
    broken(f"no guess of what {kind.__name__}.forward({', '.join(names)}) reads fits", EXAMPLE)


def _guesses(model: nn.Module) -> Iterator[tuple[tuple[int, ...], int | None]]:
    """Shapes of one example that a module may read, and how many codes there are where it reads codes."""
    for layer in model.modules():
        if isinstance(layer, nn.Embedding):
            yield from (((6,), layer.num_embeddings), ((), layer.num_embeddings))
        elif isinstance(layer, nn.Linear):
            sides = [side for side in range(1, 257) if side * side == layer.in_features]
            yield from (((layer.in_features,), None), ((6, layer.in_features), None), *(((1, s, s), None) for s in sides))
        elif isinstance(layer, nn.Conv2d):
            yield from (((layer.in_channels, side, side), None) for side in (28, 32, 8, 64, 224))
        elif isinstance(layer, nn.Conv1d):
            yield from (((layer.in_channels, width), None) for width in (16, 128))
        elif isinstance(layer, nn.RNNBase):
            yield (6, layer.input_size), None
    yield (4,), None


def _guessed(kind: type[nn.Module], file: Path, names: list[str], shape: tuple[int, ...], size: int | None) -> Subject:
    inputs = tuple(Port(name, "vector", shape, size=size) for name in names)

    def batch(generator: torch.Generator) -> Tensors:
        if size is not None:
            return {name: torch.randint(size, (8, *shape), generator=generator) for name in names}
        return {name: torch.randn(8, *shape, generator=generator) for name in names}

    ports = Ports(inputs, (Port("output", "vector"),))
    return Subject(kind.__name__, kind, file, {}, ports, None, lambda chosen: kind(), batch)
