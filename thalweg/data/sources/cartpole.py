"""CartPole: a pole on a cart is kept upright by pushing the cart left or right. Many episodes at once, as tensors.

Reference: Barto, Sutton and Anderson 1983, doi:10.1109/TSMC.1983.6313077, for the physics and its constants; the step of
0.02 s by Euler's method, the start states and the limits are those of the usual benchmark.

Letters: n episodes; a state is (position m, velocity m/s, angle rad, angular velocity rad/s).
"""

import math
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Environment
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.category import Category
from thalweg.fields.kinds.vector import Vector
from thalweg.fields.scale import Scale

GRAVITY = 9.8  # m/s²
CART, POLE = 1.0, 0.1  # masses, kg
HALF_POLE = 0.5  # half the pole's length, m
FORCE = 10.0  # N
STEP = 0.02  # s
TRACK = 2.4  # m to either side
LEAN = 12 * math.pi / 180  # rad to either side
START = 0.05  # each entry of a start state lies within this


class CartPoleSettings(Settings):
    """How long an episode may last."""

    limit: int = Field(200, ge=1, le=100_000, description="steps after which an episode is cut off; 200 or 500 are usual")


class CartPole(Environment):
    """A reward of 1 for every step until the pole falls, the cart leaves its track, or the limit is reached."""

    name = "cartpole"

    def __init__(self, settings: CartPoleSettings) -> None:
        self.settings, self.limit, self.most = settings, settings.limit, float(settings.limit)
        observation, action = Vector("observation", ["observation"], "input"), Category("action", ["action"], "target")
        observation.scale, action.values = Scale.none((4,)), [["left", "right"]]
        self.encodings = Encodings([observation, action])
        self.notes = [f"a pole to balance, episodes of at most {settings.limit} steps"]

    def reset(self, generator: torch.Generator, count: int) -> Tensor:
        return (torch.rand(count, 4, generator=generator) * 2 - 1).to(self.device, self.dtype) * START

    def observe(self, state: Tensor) -> Tensor:
        return state

    def move(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        position, velocity, angle, spin = state.unbind(1)  # (n,) each
        force = torch.where(action == 1, FORCE, -FORCE).to(state.dtype)
        sine, cosine = angle.sin(), angle.cos()
        whole = CART + POLE
        push = (force + POLE * HALF_POLE * spin.square() * sine) / whole
        turn = (GRAVITY * sine - cosine * push) / (HALF_POLE * (4 / 3 - POLE * cosine.square() / whole))
        pull = push - POLE * HALF_POLE * turn * cosine / whole
        moved = torch.stack([velocity, pull, spin, turn], 1) * STEP + state  # (n, 4)
        fallen = (moved[:, 0].abs() > TRACK) | (moved[:, 2].abs() > LEAN)
        return moved, torch.ones_like(position), fallen

    def fingerprint(self) -> dict[str, Any]:
        return {**super().fingerprint(), "settings": self.settings.model_dump()}


@source("cartpole", catalogued=True, task="control", settings=CartPoleSettings)
def cartpole(asked: Asked[CartPoleSettings]) -> CartPole:
    """The cart and its pole: observations of four numbers, two actions."""
    return CartPole(asked.settings)
