"""Replay: batches that act in an environment, remember what came of it, and give some of the past at every position.

Reference: Lin 1992, doi:10.1007/BF00992699; Mnih et al. 2015, doi:10.1038/nature14236.

Letters: n actors (episodes going on at once), B batch, M memory.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.data.dataset import Environment

Act = Callable[[Tensor, Position], Tensor]
"""What to do on seeing observations (n, ...): actions (n,)."""


class ReplaySettings(Settings):
    """How experience is gathered and remembered."""

    batch_size: int = Field(64, ge=1, le=1 << 24, description="remembered moves of a global batch")
    actors: int = Field(8, ge=1, le=1 << 20, description="episodes that go on at once")
    every: int = Field(1, ge=1, description="steps of learning between moves of the actors")
    memory: int = Field(20_000, ge=1, le=1 << 26, description="moves that are remembered; older ones are forgotten")
    warmup: int = Field(500, ge=1, description="moves that are made before anything is learned")

    @model_validator(mode="after")
    def _holds_a_move_of_each(self) -> Self:
        if self.memory < max(self.actors, self.warmup):
            raise ValueError(f"memory must hold the warm-up and a move of every actor: {max(self.actors, self.warmup)} or more")
        return self


class Replay(Batches):
    """Batches of remembered moves: observation, action, reward, next observation, whether the episode ended there.

    An episode that is cut off at the environment's limit did not end: its last state was worth going on from. Every
    process plays the same episodes and is given its own rows of the same batch.

    Args:
        act: chooses actions; called at most once for each path of a position.
    """

    def __init__(self, environment: Environment, act: Act, settings: ReplaySettings, *, processes: Processes) -> None:
        self.environment, self.act, self.settings, self.processes = environment, act, settings, processes
        self.state: Tensor | None = None  # (n, S)
        self.age = torch.zeros(settings.actors, dtype=torch.int64, device=environment.device)
        self.memory: dict[str, Tensor] = {}  # name to (M, ...)
        self.count = 0

    def at(self, position: Position) -> Batch:
        for early in range(self._missing()):
            self._move(position.inside(f"warmup {early}"))
        if position.step % self.settings.every == 0:
            self._move(position.inside("move"))
        filled, size = min(self.count, self.settings.memory), self.settings.batch_size
        rows = torch.randint(filled, (size,), generator=position.generator("replay")).to(self.environment.device)
        return Batch.of({name: kept[rows] for name, kept in self.memory.items()}).cut(*self.processes.cut(size))

    def _missing(self) -> int:
        """Moves of all actors that are still to be made before learning begins."""
        return max(0, -(-(self.settings.warmup - self.count) // self.settings.actors))

    @torch.no_grad()
    def _move(self, at: Position) -> None:
        world = self.environment
        fresh = world.reset(at.generator("reset"), self.settings.actors)
        state = fresh if self.state is None else self.state
        seen = world.observe(state)
        action = self.act(seen, at)
        moved, reward, ended = world.move(state, action)
        self._remember({"observation": seen, "action": action, "reward": reward, "next": world.observe(moved), "ended": ended})
        self.age = self.age + 1
        over = ended | (self.age >= world.limit)
        self.age = self.age.masked_fill(over, 0)
        self.state = torch.where(over.view(-1, *[1] * (moved.dim() - 1)), fresh, moved)

    def _remember(self, moves: Mapping[str, Tensor]) -> None:
        places = (self.count + torch.arange(self.settings.actors)) % self.settings.memory
        for name, values in moves.items():
            if name not in self.memory:
                self.memory[name] = values.new_zeros(self.settings.memory, *values.shape[1:])
            self.memory[name][places] = values
        self.count += self.settings.actors

    def state_dict(self) -> dict[str, Any]:
        filled = min(self.count, self.settings.memory)
        kept = {name: kept[:filled].clone() for name, kept in self.memory.items()}
        return {"state": self.state, "age": self.age, "memory": kept, "count": self.count}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.state, self.age, self.count = state["state"], state["age"], state["count"]
        self.memory = {}
        for name, kept in state["memory"].items():
            self.memory[name] = kept.new_zeros(self.settings.memory, *kept.shape[1:])
            self.memory[name][: len(kept)] = kept
