"""Ports: the named inputs and outputs that a model is built with.

A model knows nothing of data or tasks; it is built from ports and called by their names.
"""

import dataclasses
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal


@dataclass(frozen=True)
class Port:
    """One named input or output.

    Attributes:
        kind: the kind of the field behind it (image, numbers, category, ...).
        shape: shape of one example's tensor; None stands for a length that varies.
        size: for discrete values, how many there are (classes, symbols); None otherwise.
        sizes: the same for each column, where columns of discrete values share the port.
        masked: a mask tensor `<name>_mask` (B, L), true where a value is, comes with it.
        training_only: given in training, absent at prediction (teacher forcing).
        drawn: made by the task (noise, a time), not read from the data.
        longest: of a length that varies, the greatest in training; None where that is not known.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...] = ()
    size: int | None = None
    sizes: tuple[int, ...] = ()
    masked: bool = False
    training_only: bool = False
    drawn: bool = False
    longest: int | None = None

    @property
    def width(self) -> int:
        """How many numbers stand for one value: classes of a discrete port, else the product of the known axes."""
        return self.size if self.size is not None else math.prod(axis for axis in self.shape if axis is not None)


@dataclass(frozen=True)
class Ports:
    """The inputs and outputs of a model, and how its `forward` takes them.

    Attributes:
        by_name: `forward` has a parameter for each port; otherwise inputs are given by position.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    by_name: bool = True

    def input(self, kind: str) -> Port:
        """The only input of a kind.

        Raises:
            UsageRefusal: there is none, or more than one.
        """
        found = [port for port in self.inputs if port.kind == kind]
        if len(found) != 1:
            raise UsageRefusal(
                "MODEL_PORTS",
                f"the model wants one {kind} input, the data has {len(found)}",
                where=", ".join(f"{port.name} ({port.kind})" for port in self.inputs),
                why="a net is built for the inputs it reads",
                fix="choose another model: thalweg list models",
            )
        return found[0]

    @property
    def output(self) -> Port:
        """The first (most often only) output."""
        return self.outputs[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tensors that inputs consist of, masks included, in order."""
        return tuple(name for port in self.inputs for name in _tensors(port))

    def bound(self, model: nn.Module) -> "Ports":
        """These ports, knowing whether the model's `forward` takes them by name or by position.

        What takes anything both ways (`*args, **kwargs`) hands it on to something whose names are not known: by position.
        """
        try:
            parameters = inspect.signature(model.forward).parameters
        except ValueError:  # compiled code shows no signature
            return dataclasses.replace(self, by_name=False)
        kinds = {one.kind for one in parameters.values()}
        takes_any = inspect.Parameter.VAR_KEYWORD in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds
        needed = {port.name for port in self.inputs}
        return dataclasses.replace(self, by_name=takes_any or needed <= set(parameters))

    def given(self, batch: Mapping[str, Tensor]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        """The positional and named arguments for a batch: `model(*arguments, **named)`.

        Objectives call the model themselves, so that no frame lies between them and `forward`.
        """
        tensors = {name: batch[name] for name in self.names if name in batch}
        return ((), tensors) if self.by_name else (tuple(tensors.values()), {})


def _tensors(port: Port) -> tuple[str, ...]:
    return (port.name, f"{port.name}_mask") if port.masked else (port.name,)
