"""A net that is told an equation and never a solution ends at the solution."""

import torch

import thalweg as tw
from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.position import Position
from thalweg.data.equation import derivatives
from thalweg.data.sources.damped_oscillator import DampedOscillator, OscillatorSettings
from thalweg.tasks._task import measured

SHORT = {"steps": 3, "batch_size": 16, "optimizer": {"name": "lbfgs", "iterations": 8}}


def test_the_exact_solution_satisfies_its_equation():
    world = DampedOscillator(OscillatorSettings(damping=0.7, frequency=5, duration=2))
    points = world.draw(torch.Generator().manual_seed(0), 50)["t"]
    residual, conditions = world.failures(world.exact, points)
    assert residual.abs().max() < 1e-12
    assert conditions.abs().max() < 1e-12


def test_derivatives_are_those_of_the_function():
    points = torch.rand(6, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values, first, second = derivatives(lambda p: (p[:, :1] ** 3) * p[:, 1:], points, axis=0)
    x, y = points[:, :1], points[:, 1:]
    for found, expected in ((values, x**3 * y), (first, 3 * x**2 * y), (second, 6 * x * y)):
        torch.testing.assert_close(found, expected)


def test_points_leave_no_span_unwatched():
    world = DampedOscillator(OscillatorSettings(duration=4))
    points = world.draw(torch.Generator().manual_seed(0), 8)["t"].flatten()
    assert ((points / 0.5).floor() == torch.arange(8)).all()


def test_the_named_source_alone_reaches_the_solution_to_1e_4_in_float64(tmp_path):
    run = fitted({"source": "damped-oscillator"}, tmp_path / "run")
    assert {one.dtype for one in run.package.model.parameters()} == {torch.float64}
    found = measured(run.package.task, run.package.model, run.dataset.batches("test", size=256), at=Position())
    assert found["relative-error"] <= 1e-4


def test_a_run_in_float64_is_evaluated_again_from_its_folder(tmp_path):
    settings = {"rule": SHORT, "model": {"name": "smooth-net", "hidden": [6]}}
    run = tw.train("damped-oscillator", settings=settings, out=tmp_path / "run", compare=False)
    assert tw.evaluate(tmp_path / "run")["metric"]["value"] == run.results["metric"]["value"]


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_predicts_elsewhere(tmp_path):
    settings = {"source": "damped-oscillator", "rule": SHORT, "model": {"name": "smooth-net", "hidden": [6]}}
    whole = assert_resumes_to_the_same_bits(settings, tmp_path, cuts=(0, 1, 2))
    said = assert_new_process_predicts_the_same(whole, whole.folder.model, {"t": [0.0, 0.25, 1.0]})
    assert said["u"].shape == (3,)
