"""Ridge in closed form: the same as scikit-learn's, and left-out rows as if they had been left out."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge, RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from tests.training.splitting import assert_two_processes_learn_the_same
from thalweg.core.errors import UsageRefusal
from thalweg.rules._closed_form import PENALTIES, ridge, ridges


def squared_error(predicted, target):
    return float((predicted - target).square().mean())


def data(rows, features):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(rows, features)).astype(np.float32) * generator.uniform(0.5, 3, features).astype(np.float32)
    code = (x[:, :3] @ [1.0, -1.0, 0.5] + generator.normal(size=rows) > 0).astype(int)
    return x, code


@pytest.mark.parametrize(("rows", "features"), [(30, 80), (120, 20)])
def test_it_is_scikit_learns_ridge_with_its_penalty(rows, features):
    x, code = data(rows, features)
    signs = torch.tensor(2.0 * np.eye(2)[code] - 1, dtype=torch.float32)
    solved = ridge(torch.tensor(x), signs, squared_error, penalties=PENALTIES)
    scaled = StandardScaler().fit_transform(x)
    theirs = RidgeClassifierCV(alphas=PENALTIES).fit(scaled, code)
    assert solved.penalty == pytest.approx(theirs.alpha_)
    ours = torch.tensor(x) @ solved.weight.T + solved.bias
    np.testing.assert_allclose(ours[:, 1], theirs.decision_function(scaled), atol=2e-4)


@pytest.mark.parametrize(("rows", "features"), [(12, 40), (40, 6)])
def test_what_is_said_of_a_row_left_out_is_what_the_others_say(rows, features):
    x, code = data(rows, features)
    scaled = StandardScaler().fit_transform(x)
    target = torch.tensor(code, dtype=torch.float32)[:, None]
    solved = ridge(torch.tensor(scaled), target, squared_error, penalties=(3.0,))
    for row in range(5):
        others = np.arange(rows) != row
        alone = Ridge(alpha=3.0).fit(scaled[others], code[others]).predict(scaled[row : row + 1])
        assert float(solved.left_out[row, 0]) == pytest.approx(float(alone[0]), abs=1e-4)


def test_each_sort_of_features_has_a_ridge_of_its_own():
    x, code = data(40, 90)
    sorts = torch.tensor([0, 1, 1] * 30)
    signs = torch.tensor(2.0 * np.eye(2)[code] - 1, dtype=torch.float32)
    found = ridges(torch.tensor(x), signs, squared_error, penalties=PENALTIES, sorts=sorts)
    assert len(found) == 2
    for sort, one in enumerate(found):
        alone = ridge(torch.tensor(x)[:, sorts == sort], signs, squared_error, penalties=PENALTIES)
        assert one.penalty == alone.penalty
        torch.testing.assert_close(one.left_out, alone.left_out)
        torch.testing.assert_close(one.weight[:, sorts == sort], alone.weight)
        assert not one.weight[:, sorts != sort].any()


def settings(folder):
    generator = np.random.default_rng(0)
    code, time = np.arange(60) % 2, np.arange(24)
    x = np.sin((1 + code[:, None]) * time / 4 + generator.random((60, 1))) + 0.1 * generator.normal(size=(60, 24))
    path = folder / "waves.npz"
    np.savez(path, x=x.astype(np.float32), y=np.array(["slow", "fast"])[code])
    return {"source": str(path), "model": {"name": "random-kernels", "shares": 420, "groups": 2}}, x


def test_waves_are_told_apart_in_no_step_and_elsewhere_too(tmp_path):
    given, x = settings(tmp_path)
    run = fitted(given, tmp_path / "run")
    assert run.steps == 0
    said = assert_new_process_predicts_the_same(run, run.folder.model, {"x": x})
    assert (said["y"] == np.array(["slow", "fast"])[np.arange(60) % 2]).mean() > 0.95
    assert np.asarray(said["probability"]).min() > 0.5


def test_of_values_the_mean_of_the_ridges_is_answered(tmp_path):
    x = np.sin(np.arange(24) * np.linspace(0.2, 0.6, 60)[:, None]).astype(np.float32)
    given = {"x": x, "y": np.linspace(3, 9, 60)}
    data = {"target": "y", "fields": {"x": "series"}}
    run = fitted({"model": {"name": "random-kernels", "shares": 420, "groups": 2}, "data": data}, tmp_path / "run", given=given)
    batch = next(iter(run.dataset.batches("train", size=60)))
    port = run.package.task.ports.output.name
    features, target = run.package.model.features(x=batch["x"]), batch[port].float().reshape(-1, 1)
    found = ridges(features, target, squared_error, penalties=PENALTIES, sorts=run.package.model.sorts)
    means = [sum(one.weight for one in found) / 3, sum(one.bias for one in found) / 3]
    torch.testing.assert_close(list(run.package.model.head.parameters()), means, atol=1e-4, rtol=1e-3)


def test_it_resumes_to_the_same_bits(tmp_path):
    assert assert_resumes_to_the_same_bits(settings(tmp_path)[0], tmp_path, cuts=(0,)).steps == 0


def test_two_processes_find_the_same(tmp_path):
    assert_two_processes_learn_the_same(settings(tmp_path)[0], tmp_path)


def test_a_net_that_learns_more_than_its_head_is_refused(tmp_path):
    given, _ = settings(tmp_path)
    with pytest.raises(UsageRefusal, match="cannot solve a Perceptron"):
        fitted({**given, "model": "perceptron", "rule": "ridge"}, tmp_path / "run")
