"""What is to be made is one thing, how it is learned another: the energy score makes digits without a critic."""

import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tests.training.resuming import fitted
from thalweg.core.position import Position
from thalweg.tasks._task import measured


def test_plain_backpropagation_learns_the_task_by_the_energy_score(tmp_path):
    settings = {"source": "digits", "task": "conditional-synthesis", "rule": {"name": "backpropagation", "steps": 1200}}
    trained = fitted(settings, tmp_path / "run")
    made = trained.package.predict(None, request={"samples": 500})
    digits = load_digits()
    judge = LogisticRegression(max_iter=500).fit(digits.data, digits.target)
    said = judge.predict(made["image"].reshape(500, -1) * (16 / 255))
    assert (said == made["class"].astype(int)).mean() >= 0.7
    task, test = trained.package.task, trained.dataset.batches("test", size=512)
    ours, trivial = (
        measured(task, model, test, at=Position(seed=1))["energy-distance"]
        for model in (trained.package.model, task.trivial(trained.dataset.batches("train", size=512)))
    )
    assert ours < 0.2 * trivial


def test_the_trivial_answer_is_the_mean_of_the_class(tmp_path):
    settings = {"source": "digits", "task": "conditional-synthesis", "rule": {"name": "backpropagation", "steps": 1}}
    trained = fitted(settings, tmp_path / "run")
    train = trained.dataset.batches("train", size=5000)
    [batch] = list(train)
    answer = trained.package.task.trivial(train)(noise=torch.zeros(1, 32), **{"class": torch.tensor([4])})
    torch.testing.assert_close(answer[0], batch["image"][batch["class"] == 4].mean(0))
