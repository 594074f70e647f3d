"""Baselines read texts: sparse rows, weighed by rarity or condensed, beside dense columns."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfTransformer

from tests.evaluation.arrays import task_of
from thalweg.core import registry
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.settings import DataSettings
from thalweg.evaluation.features import Columns
from thalweg.evaluation.opponents import Chooser, Training, fit_one
from thalweg.evaluation.sparse import LENGTH, Condensed, Weighed, side_by_side

ROWS = csr_array(np.array([[1.0, 0, 2, 0], [0.5, 3, 0, 0], [2.0, 1, 1, 0]], dtype=np.float32))


def test_columns_are_weighed_as_scikit_learn_weighs_them():
    ours = Weighed(0).fit(ROWS).transform(ROWS).toarray()
    assert np.allclose(ours, LENGTH * TfidfTransformer().fit_transform(ROWS).toarray(), atol=1e-6)


def test_dense_columns_stay_as_they_are():
    ours = Weighed(1).fit(ROWS).transform(ROWS).toarray()
    assert ours[:, 0].tolist() == [1.0, 0.5, 2.0]
    assert np.allclose(np.linalg.norm(ours[:, 1:], axis=1), LENGTH)
    assert Condensed(1, 0).fit(ROWS).transform(ROWS)[:, 0].tolist() == [1.0, 0.5, 2.0]


def test_sparse_columns_stand_after_dense_ones():
    both = side_by_side([ROWS, np.array([[7.0], [8.0], [9.0]])])
    assert both.toarray()[:, 0].tolist() == [7.0, 8.0, 9.0]
    assert both.shape == (3, 5)


def reviews(numbered):
    generator = np.random.default_rng(0)
    texts = []
    for i in range(160):
        said = generator.choice(["fine", "moving"] if i % 2 else ["dull", "empty"])
        texts.append(f"the {generator.choice(['film', 'plot', 'cast'])} is {said} {i}")
    columns = {"text": texts, **({"year": generator.normal(size=160)} if numbered else {})}
    examples = Examples("reviews", columns | {"label": ["bad", "good"] * 80}, roles={"label": "target"})
    return encode(examples, DataSettings(fields={"text": "text"}), seed=0)


@pytest.mark.parametrize("numbered", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        name
        for name, part in registry.parts("baseline").items()
        if "classification" in part.facts["tasks"] and "inputs" not in part.facts
    ],
)
def test_every_baseline_of_classes_learns_from_texts(name, numbered):
    torch.set_num_threads(1)
    dataset = reviews(numbered)
    task = task_of("classification", dataset)
    chooser = Chooser(task, dataset, "accuracy", 0)
    one, _ = fit_one(name, Training.of(task, dataset, 0), chooser, Columns(task), seconds=20.0)
    assert one is not None
    assert one.validation >= 0.9
