"""Threads are taken for large nets, and for small ones that do much at each step."""

import pytest
import torch
from torch import nn

from thalweg.data.encode import encode
from thalweg.data.read import read
from thalweg.rules._rule import Context
from thalweg.training.requested import run_settings
from thalweg.training.stage import Own, Stage, build_stage
from thalweg.training.threads import operations, threads_for


class ReadByRow(nn.Module):
    """A net of 4,858 parameters that uses most of them eight times a row."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.head = nn.LSTM(8, 28), nn.Linear(28, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.read(image.squeeze(1).transpose(0, 1))[0][-1])


def stage_of(settings: dict, own: nn.Module | None = None) -> Stage:
    asked = run_settings(settings)
    return build_stage(asked, 0, encode(read(asked.source, asked.data), asked.data, seed=0), Own(own), Context())


def test_the_work_of_a_dense_net_is_six_times_parameters_and_rows():
    sizes = {"name": "mlp", "hidden": [32]}
    stage = stage_of({"source": "digits", "model": sizes, "augment": [], "rule": {"batch_size": 64}})
    rows = stage.dataset.rows("train") // stage.batches.length
    weights = sum(one.numel() for one in stage.rule.model.parameters() if one.dim() == 2)
    assert operations(stage) == 6 * rows * weights


def test_weights_that_serve_at_each_time_count_each_time():
    stage = stage_of({"source": "digits", "augment": [], "rule": {"name": "backpropagation", "batch_size": 64}}, ReadByRow())
    rows = stage.dataset.rows("train") // stage.batches.length
    assert operations(stage) == 6 * rows * (8 * 4 * 28 * (8 + 28) + 280)


@pytest.mark.parametrize(("size", "threads"), [(8, 1), (700, 2)])
def test_a_small_net_gets_two_threads_where_its_batches_are_large(size, threads):
    settings = {"source": "digits", "model": {"name": "mlp", "hidden": [256, 256]}, "augment": [], "rule": {"batch_size": size}}
    assert threads_for(stage_of(settings), 4) == threads


def test_a_net_that_cannot_take_its_input_is_left_to_the_rehearsal():
    stage = stage_of({"source": "digits", "augment": [], "rule": {"name": "backpropagation"}}, nn.Linear(3, 10))
    assert operations(stage) == 0


def test_counting_changes_neither_weights_nor_what_is_drawn_next():
    stage = stage_of({"source": "digits", "augment": [], "rule": {"name": "backpropagation"}}, ReadByRow())
    before, drawn = [one.clone() for one in stage.rule.model.parameters()], torch.get_rng_state()
    operations(stage)
    assert all(map(torch.equal, before, stage.rule.model.parameters()))
    assert torch.equal(drawn, torch.get_rng_state())
