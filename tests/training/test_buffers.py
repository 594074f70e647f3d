"""Buffers of a net of one's own: what steps change must be saved, and the rehearsal changes none."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import thalweg as tw
from thalweg.api import Run
from thalweg.core.errors import Refusal


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray]:
    """Rows whose class is where the largest of their first three numbers stands."""
    x = np.random.default_rng(0).normal(loc=1.0, size=(60, 4)).astype("float32")
    return x, x[:, :3].argmax(1)


def trained(data: tuple[np.ndarray, np.ndarray], tmp_path, model: nn.Module) -> Run:
    return tw.train(data, model=model, steps=3, compare=False, out=tmp_path / "run")


class Counting(nn.Module):
    """A net with statistics of its own, that are replaced at each step as most people write it, or changed in place."""

    def __init__(self, *, persistent: bool, in_place: bool = False, growing: bool = False) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
        self.register_buffer("mean", torch.zeros(0 if growing else 4), persistent=persistent)
        self.in_place, self.growing, self.seen = in_place, growing, []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(self.mean.clone())
        if self.growing:
            self.mean = torch.arange(4.0)
        elif self.training and self.in_place:
            self.mean.lerp_(x.detach().mean(0), 0.1)
        elif self.training:
            self.mean = self.mean + 0.1 * (x.detach().mean(0) - self.mean)
        return self.net(x - self.mean)


@pytest.mark.parametrize("in_place", [False, True], ids=["replaced", "in place"])
def test_a_buffer_that_steps_change_and_nobody_saves_is_refused(table, tmp_path, in_place):
    with pytest.raises(Refusal) as caught:
        trained(table, tmp_path, Counting(persistent=False, in_place=in_place))
    refusal = caught.value
    assert (refusal.code, refusal.exit_code) == ("MODEL_BUFFER_UNSAVED", 2)
    assert "mean" in refusal.what
    assert "register_buffer" in refusal.fix


@pytest.mark.parametrize("in_place", [False, True], ids=["replaced", "in place"])
def test_a_buffer_that_is_saved_may_change_and_the_rehearsal_leaves_it_as_it_was(table, tmp_path, in_place):
    net = Counting(persistent=True, in_place=in_place)
    run = trained(table, tmp_path, net)
    assert not net.seen[1].any()
    assert run.package.model.mean.any()


def test_a_cache_that_grows_at_the_first_row_is_no_state(table, tmp_path):
    net = Counting(persistent=False, growing=True)
    assert trained(table, tmp_path, net).package.model is net
