"""The test part is read once: further looks, by whatever run, are counted, said and paid for."""

import torch

from tests.evaluation.arrays import classes, task_of
from thalweg.evaluation.compare import compare
from thalweg.evaluation.looks import Looks, answers_digest, part_digest


def answering(task, code):
    width = task.ports.output.width
    answer = torch.nn.functional.one_hot(torch.tensor(code), width) * 5.0
    return lambda **inputs: answer.expand(len(next(iter(inputs.values()))), width)


def test_other_answers_at_the_same_test_part_are_a_further_look_and_widen_the_interval(monkeypatch):
    monkeypatch.setattr("thalweg.evaluation.opponents._fitting", lambda task: ["naive-bayes"])
    dataset = classes()
    task = task_of("classification", dataset)
    found = [
        compare(task, answering(task, code), dataset, looks=Looks.at(dataset, "test", by=f"run-{code}")).verdict
        for code in (0, 1, 0)
    ]
    assert [one.look for one in found] == [1, 2, 1]
    assert found[1].high - found[1].low > found[0].high - found[0].low
    assert found[1].sentence.endswith("Look 2 at this test set: the interval is widened; only fresh data makes a first look.")
    assert "Look" not in found[0].sentence
    lines = Looks.at(dataset, "test", by="any").before
    assert [(one["run"], one["word"]) for one in lines] == [("run-0", "worse"), ("run-1", "worse")]


def test_a_test_part_is_known_by_its_rows_whatever_the_training_rows_were():
    first, second = classes(), classes()
    second.parts["train"] = second.parts["train"][:50]
    assert part_digest(first, "test") == part_digest(second, "test")
    second.parts["test"] = second.parts["test"][1:]
    assert part_digest(first, "test") != part_digest(second, "test")


def test_differences_that_threads_make_are_no_other_look():
    rows = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).round(decimals=3)
    assert answers_digest("log-loss", [rows]) == answers_digest("log-loss", [rows + 1e-8])


def test_where_looks_cannot_be_kept_nothing_fails(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path / "file"))
    looks = Looks.at(classes(), "test", by="run")
    looks.keep("digest", metric="accuracy", value=0.5, word=None)
    assert looks.number("another") == 1
