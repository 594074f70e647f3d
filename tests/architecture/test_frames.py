"""Few of our frames lie between the user's call and `forward`, so that a traceback is read in one look."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from torch import Tensor, nn

from tests.architecture.sources import PACKAGE
from thalweg.core.errors import did_you_mean

FROM_USER = 6
FROM_LOOP = 3
LOOP = ("training/loop.py", "learn")

Stack = list[tuple[str, str]]


def our_frames(caller: str) -> Stack:
    """File and function of our frames between this one's caller and the function named `caller`, innermost first."""
    frame, found = sys._getframe(1), []
    while frame.f_code.co_name != caller:
        file = frame.f_code.co_filename
        if file.startswith(f"{PACKAGE}/"):
            found.append((file.removeprefix(f"{PACKAGE}/"), frame.f_code.co_name))
        frame = frame.f_back
    return found


def recording(stacks: list[Stack], caller: str) -> nn.Module:
    """A net of a user's own that notes who called it while it was trained."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:  # (B, 4) -> (B, 3)
            if self.training:
                stacks.append(our_frames(caller))
            return self.linear(x)

    return Net()


def from_loop(stack: Stack) -> int:
    return stack.index(LOOP)


@pytest.fixture(scope="module")
def stacks(tmp_path_factory) -> list[Stack]:
    """Who called `forward` in the loop, for each step of a short training that a user asked for."""
    import thalweg as tw

    found: list[Stack] = []
    generator = np.random.default_rng(0)
    inputs, target = generator.normal(size=(90, 4)).astype("float32"), np.arange(90) % 3

    def user() -> None:
        settings = {"rule": {"epochs": 1}}
        out = tmp_path_factory.mktemp("frames") / "run"
        tw.train((inputs, target), model=recording(found, "user"), task="classification", settings=settings, out=out)

    user()
    return [stack for stack in found if LOOP in stack]


def test_forward_was_called_by_the_loop(stacks):
    assert stacks


def test_at_most_6_frames_lie_between_the_user_and_forward(stacks):
    assert max(len(stack) for stack in stacks) <= FROM_USER, max(stacks, key=len)


def test_at_most_3_frames_lie_between_the_loop_and_forward(stacks):
    assert max(map(from_loop, stacks)) <= FROM_LOOP, max(stacks, key=from_loop)


def test_frames_of_ours_are_seen():
    found: list[Stack] = []

    def names() -> Iterator[str]:
        found.append(our_frames("user"))
        yield "lenet5"

    def user() -> None:
        did_you_mean("lenet", names())

    user()
    assert found == [[("core/errors.py", "did_you_mean")]]
