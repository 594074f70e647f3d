"""Small sets for the checks' tests, and what a detector says of them."""

from typing import Any

import numpy as np
import torch

from thalweg.checks.finding import Finding
from thalweg.checks.subject import Subject
from thalweg.core import registry
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings

ROWS = 300


def table(rows: int = ROWS, **columns: Any) -> Examples:
    """Three numbers, two columns of words and a class that the numbers tell somewhat; further columns replace or join them."""
    draw = np.random.default_rng(0)
    size, weight, age = draw.lognormal(3, 0.3, rows), draw.normal(70, 12, rows), draw.uniform(18, 90, rows)
    made = {
        "size": np.round(size, 4),
        "weight": np.round(weight, 3),
        "age": np.round(age, 2),
        "town": draw.choice(["Bern", "Graz", "Lund", "Ghent"], rows).tolist(),
        "plan": draw.choice(["basic", "full"], rows).tolist(),
        "left": np.where(size + weight / 5 + draw.normal(0, 4, rows) > 34, "yes", "no").tolist(),
    }
    return Examples("planted", made | columns, roles={"left": "target"})


def split(examples: Examples, share: float = 0.7) -> Examples:
    """With a given split: the first rows train, the others test."""
    cut = round(share * len(examples))
    examples.given = {"train": torch.arange(cut), "test": torch.arange(cut, len(examples))}
    return examples


def changed(column: Any, values: dict[int, Any]) -> list[Any]:
    """The column with other values in some rows."""
    return [values.get(row, value) for row, value in enumerate(column)]


def said(detector: str, examples: Examples, **settings: Any) -> list[Finding]:
    """What one detector finds."""
    return list(registry.load("detector", detector)(Subject.of(examples, DataSettings(**settings))))


def only(detector: str, examples: Examples, **settings: Any) -> Finding:
    """Its single finding."""
    [one] = said(detector, examples, **settings)
    return one
