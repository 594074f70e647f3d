"""Data shipped with scikit-learn: its files, and its tables as examples, named columns of numbers and a target."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from thalweg.data.dataset import Examples


def shipped_file(name: str) -> Path:
    """A file of `sklearn/datasets/data`, found without importing scikit-learn, which takes as long as importing torch."""
    found = find_spec("sklearn")
    assert found is not None, "scikit-learn is required"
    assert found.origin is not None
    return Path(found.origin).parent / "datasets" / "data" / name


def examples_of_bunch(bunch: Any, name: str, *, target: str, licence: str, note: str) -> Examples:
    """Examples of what a `load_...` function of scikit-learn gives.

    Args:
        bunch: `data` (N, F), `target` (N,), `feature_names`, and `target_names` where the target is a class.
        target: what the column to predict is called.
    """
    names = [str(feature) for feature in bunch.feature_names]
    columns = {feature: np.ascontiguousarray(bunch.data[:, i], dtype=np.float64) for i, feature in enumerate(names)}
    classes = [str(label) for label in bunch.get("target_names", ())]
    examples = Examples(name, {**columns}, kinds=dict.fromkeys(columns, "number"), roles={target: "target"}, notes=[note])
    examples.columns[target] = np.array(classes)[bunch.target] if classes else bunch.target.astype(np.float64)
    examples.kinds[target] = "category" if classes else "number"
    examples.facts = {"licence": licence} | ({"classes": classes} if classes else {})
    return examples
