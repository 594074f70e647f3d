"""The contract of every baseline and of every maker of features that the registry finds."""

import numpy as np
import pytest
import torch

from tests.evaluation.arrays import classes, pictures, running, task_of, values, waves
from thalweg.core import registry
from thalweg.data.encode import encode_columns
from thalweg.evaluation.evaluate import evaluate
from thalweg.evaluation.features import reader
from thalweg.evaluation.opponents import Chooser, Training, fit_one
from thalweg.evaluation.sparse import is_sparse
from thalweg.fields.encoding import Encodings
from thalweg.models.weights.catalogue import entry, local

DATA = {"classification": classes, "regression": values, "series": waves, "image": pictures, "symbols": running}
TASKS = {"regression": "regression", "symbols": "language-modelling"}
"""What is learned of these data, where it is not classes."""
PAIRS = [
    (name, next(iter(registry.facts("baseline", name).get("inputs", [task]))))
    for name in registry.names("baseline")
    for task in registry.facts("baseline", name)["tasks"]
    if "weights" not in registry.facts("baseline", name) or local(entry(registry.facts("baseline", name)["weights"]))
]
"""Baselines, each with the data that it is tried on; those that need published weights where these are here."""


def read_by(name):
    facts = registry.facts("baseline", name)
    return facts.get("inputs", ()), facts.get("weights", "")


@pytest.fixture(scope="module")
def prepared():
    found = {}
    for name in {of for _, of in PAIRS}:
        dataset = DATA[name]()
        task = task_of(TASKS.get(name, "classification"), dataset)
        headline = next(iter(task.metrics))
        columns = reader(task, *next(read_by(one) for one, of in PAIRS if of == name))
        found[name] = (task, dataset, Training.of(task, dataset, 0, columns), Chooser(task, dataset, headline, 0))
    return found


@pytest.fixture(autouse=True)
def without_folds(monkeypatch):
    """Settings are compared on validation rows here, in a third of the time; folds have tests of their own."""
    monkeypatch.setattr("thalweg.evaluation.tuning.LEAST_ROWS", 10**9)


def fitted(prepared, name, task_name, *, again=False):
    """A baseline, fitted once for all tests, or again."""
    task, dataset, training, chooser = prepared[task_name]
    if again or (name, task_name) not in prepared:
        columns = reader(task, *read_by(name))
        prepared[name, task_name] = fit_one(name, training, chooser, columns, seconds=60.0)
    return task, dataset, *prepared[name, task_name]


@pytest.mark.parametrize(("name", "task_name"), PAIRS)
def test_it_beats_the_trivial_baseline(prepared, name, task_name):
    task, dataset, one, note = fitted(prepared, name, task_name)
    assert note == ""
    trivial = evaluate(task, task.trivial(dataset.batches("train", size=64)), dataset)
    better = 1 if registry.facts("metric", trivial.headline)["better"] == "higher" else -1
    assert better * evaluate(task, one.model, dataset).value > better * trivial.value


@pytest.mark.parametrize(("name", "task_name"), PAIRS)
def test_it_answers_as_a_net_would(prepared, name, task_name):
    task, dataset, one, _ = fitted(prepared, name, task_name)
    batch = next(iter(dataset.batches("test", size=16)))
    answer = one.model(**{port: batch[port] for port in task.ports.names})
    places = task.ports.output.shape if task.ports.output.size is not None else ()
    assert answer.shape == (batch.size, *places, task.ports.output.width)
    assert answer.dtype == torch.float32
    assert answer.isfinite().all()
    assert torch.equal(answer, one.model(*[batch[port] for port in task.ports.names]))


@pytest.mark.parametrize(("name", "task_name"), PAIRS)
def test_the_same_seed_gives_the_same_answers(prepared, name, task_name):
    batch = next(iter(prepared[task_name][1].batches("test", size=16)))
    answers = []
    for again in (False, True):
        task, _, one, _ = fitted(prepared, name, task_name, again=again)
        answers.append(one.model(**{port: batch[port] for port in task.ports.names}))
    assert torch.equal(*answers)


@pytest.mark.parametrize(("name", "task_name"), PAIRS)
def test_it_offers_a_few_settings_each_with_words(prepared, name, task_name):
    offered = prepared[task_name][2].candidates(registry.load("baseline", name)())
    assert 2 <= len(offered) <= 5
    assert len({words for words, _ in offered}) == len(offered)
    facts = registry.facts("baseline", name)
    assert facts["title"]
    assert facts["cost"] > 0


@pytest.mark.parametrize("kind", registry.names("features"))
def test_features_are_finite_numbers_one_row_per_example(kind):
    encoding = registry.load("kind", kind)("field", [f"field{i}" for i in range(len(registry.load("kind", kind).example()))])
    columns = registry.load("kind", kind).example()
    encoding.fit(columns)
    named = dict(zip(encoding.fields, columns, strict=True))
    store = encode_columns(Encodings([encoding]), named)
    tensors = store.finished(store.gather(torch.arange(store.length)))
    made = registry.load("features", kind)(tensors["field"].numpy(), encoding.port)
    assert made.shape[0] == store.length
    assert made.ndim == 2
    assert np.isfinite(made.data if is_sparse(made) else made).all()


def test_larger_images_are_summarised():
    from thalweg.fields.ports import Port

    pictures = np.random.default_rng(0).normal(size=(3, 3, 64, 48)).astype(np.float32)
    made = registry.load("features", "image")(pictures, Port("image", "image", (3, 64, 48)))
    assert made.shape == (3, 3 * 4 * 4 + 3 * 8 + 4 * 4 * 9 + 6**3)
    assert np.isfinite(made).all()
    grey = registry.load("features", "image")(pictures[:, :1], Port("image", "image", (1, 64, 48)))
    assert grey.shape == (3, 16 * 16 + 8 + 4 * 4 * 9)


def test_colours_are_counted_together():
    from thalweg.evaluation.baselines.features.image import _colours

    red_or_green = np.zeros((2, 3, 4, 4), dtype=np.float32) - 2
    red_or_green[0, 0], red_or_green[1, 1] = 2, 2
    found = _colours(red_or_green)
    assert found.argmax(1).tolist() == [5 * 36, 5 * 6]
    assert (found**2).mean(1).tolist() == pytest.approx([1, 1])
