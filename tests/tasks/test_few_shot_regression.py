"""Meta-learning: weights from which a step on ten points leads to a wave never seen before."""

import math

import numpy as np
import pytest
import torch

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.position import Position
from thalweg.core.settings import Choice
from thalweg.data.batch import Batch
from thalweg.data.sources.sinusoids import Sinusoids, SinusoidSettings
from thalweg.tasks._task import measured
from thalweg.tasks.few_shot_regression import FewShotRegression, FewShotSettings

SHORT = {"source": "sinusoids", "rule": {"steps": 5, "batch_size": 4}, "model": {"name": "smooth-net", "hidden": [6]}}


def line(rate: float, steps: int, second_order: bool = True) -> tuple[FewShotRegression, torch.nn.Module, Batch]:
    """One task of one support and one query point, and a model of two weights: y = w x + b, at w = b = 0."""
    settings = FewShotSettings(inner_rate=rate, inner_steps=steps, second_order=second_order, loss=Choice(name="squared"))
    task = FewShotRegression(Sinusoids(SinusoidSettings(shots=1, queries=1)).encodings, settings)
    model = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    task.bind(model)
    fields = {"support_x": 2.0, "support_y": 3.0, "query_x": 1.0, "query_y": 0.0}
    return task, model, Batch.of({name: torch.tensor([[value]]) for name, value in fields.items()})


def test_one_inner_step_is_the_one_found_by_hand():
    task, model, batch = line(rate=0.1, steps=1)
    slope = -2 * 3.0  # of the squared error (w x + b - y)² with respect to b; with respect to w it is that times x
    expected = -0.1 * slope * 2.0 * 1.0 - 0.1 * slope
    torch.testing.assert_close(task.adapted(model, batch, 1), torch.tensor([[expected]]))


def test_the_outer_slope_goes_through_the_inner_descent_only_if_second_order():
    outer = {}
    for second_order in (True, False):
        task, model, batch = line(rate=0.1, steps=1, second_order=second_order)
        answer = task.adapted(model, batch, 1).sum()
        outer[second_order] = float(torch.autograd.grad(answer, model.bias)[0])
    assert math.isclose(outer[False], 1.0, rel_tol=1e-6)
    assert math.isclose(outer[True], 1 - 0.1 * (2 * 2.0 * 1.0 + 2), rel_tol=1e-6)  # 1 - rate (d²L/dw db x + d²L/db²)


def test_a_task_is_adapted_to_its_own_examples_alone():
    task, model, one = line(rate=0.1, steps=2)
    other = {"support_x": [[-1.0]], "support_y": [[7.0]], "query_x": [[0.5]], "query_y": [[0.0]]}
    both = Batch.of({name: torch.cat([one[name], torch.tensor(value)]) for name, value in other.items()})
    torch.testing.assert_close(task.adapted(model, both, 2)[:1], task.adapted(model, one, 2))


@pytest.mark.slow
def test_adaptation_takes_away_nine_tenths_of_the_error(tmp_path):
    run = fitted({"source": "sinusoids"}, tmp_path / "run")
    found = measured(run.package.task, run.package.model, run.dataset.batches("test", size=256), at=Position())
    assert found["adapted-rmse"] ** 2 < found["unadapted-rmse"] ** 2 / 10


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_predicts_elsewhere(tmp_path):
    whole = assert_resumes_to_the_same_bits(SHORT, tmp_path, cuts=(0, 1, 3))
    x = np.linspace(-5, 5, 20, dtype=np.float32).reshape(2, 10)
    columns = {"support_x": x, "support_y": np.sin(x), "query_x": np.linspace(-4, 4, 40, dtype=np.float32).reshape(2, 20)}
    said = assert_new_process_predicts_the_same(whole, whole.folder.model, columns)
    assert said["query_y"].shape == (2, 20)
