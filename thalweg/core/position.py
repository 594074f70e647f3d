"""Position: where training stands. All randomness is a function of it, so nothing random is ever saved or restored.

Noise is drawn for the whole global batch and cut to the rows at hand, so that neither the number of processes nor the number of
parts a batch is split into changes what is drawn.
"""

import dataclasses
import hashlib
from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

Scope = Literal["run", "stage", "epoch", "step"]


class Rows(Sized, Protocol):
    """What noise is drawn for: rows `start` to `start + size` of a global batch of `whole` rows on a device."""

    @property
    def start(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def whole(self) -> int: ...
    @property
    def device(self) -> torch.device: ...


@dataclass(frozen=True)
class Position:
    """Where training stands.

    Attributes:
        seed: the run's seed.
        stage: index of the stage.
        step: steps finished in this stage.
        epoch: epochs finished in this stage (0 where there are none).
        index: steps finished in this epoch.
        total: steps that this stage will take (0 where it takes none).
        path: names of the draws or acts nested within the step.
    """

    seed: int = 0
    stage: int = 0
    step: int = 0
    epoch: int = 0
    index: int = 0
    total: int = 0
    path: tuple[str, ...] = ()

    def number(self, name: str, by: Scope = "step") -> int:
        """A 63-bit number hashed from the seed, the scope's fields, the path and a name."""
        scope: tuple[int, ...] = {
            "run": (),
            "stage": (self.stage,),
            "epoch": (self.stage, self.epoch),
            "step": (self.stage, self.step),
        }[by]
        text = repr((self.seed, by, scope, self.path, name))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1

    def generator(self, name: str, by: Scope = "step", device: torch.device | str = "cpu") -> torch.Generator:
        """A fresh generator for one named draw: the only source of randomness."""
        return torch.Generator(device).manual_seed(self.number(name, by))

    def normal(self, name: str, batch: Rows, *shape: int) -> Tensor:
        """Standard normal noise (B, *shape) for the batch's rows, drawn for the whole global batch."""
        generator = self.generator(name, device=batch.device)
        drawn = torch.randn(batch.whole, *shape, generator=generator, device=batch.device)
        return drawn[batch.start : batch.start + batch.size]

    def uniform(self, name: str, batch: Rows, *shape: int) -> Tensor:
        """Uniform noise in [0, 1) (B, *shape) for the batch's rows, drawn for the whole global batch."""
        generator = self.generator(name, device=batch.device)
        drawn = torch.rand(batch.whole, *shape, generator=generator, device=batch.device)
        return drawn[batch.start : batch.start + batch.size]

    def integers(self, name: str, batch: Rows, *shape: int, below: int) -> Tensor:
        """Uniform integers in [0, below), (B, *shape), drawn for the whole global batch."""
        generator = self.generator(name, device=batch.device)
        drawn = torch.randint(below, (batch.whole, *shape), generator=generator, device=batch.device)
        return drawn[batch.start : batch.start + batch.size]

    def inside(self, name: object) -> "Position":
        """The position of a further draw or act within the same step."""
        return dataclasses.replace(self, path=(*self.path, str(name)))

    def advanced(self, length: int | None, by: int = 1) -> "Position":
        """So many steps on, where an epoch has `length` of them (None: there are no epochs)."""
        over, index = (0, self.index + by) if length is None else divmod(self.index + by, length)
        return Position(self.seed, self.stage, self.step + by, self.epoch + over, index, self.total, self.path)


def seed_from(position: Position) -> None:
    """Seed torch's default generators (dropout and friends) from the position."""
    number = position.number("default")
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(number)
