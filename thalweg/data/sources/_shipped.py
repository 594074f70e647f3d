"""Tables shipped with scikit-learn, as examples: named columns of numbers, and a target of class names or numbers."""

from typing import Any

import numpy as np

from thalweg.data.dataset import Examples


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
