"""Exclusive or: the four cases that no single threshold unit can tell apart, as a domain that always gives all four.

Reference: Minsky and Papert 1969, Perceptrons.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.registry import source
from thalweg.core.settings import Settings
from thalweg.data._source import Asked
from thalweg.data.dataset import Domain
from thalweg.fields.encoding import Encodings

CASES = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])


@source("xor", catalogued=True, task="regression", model="mlp", licence="none needed", rows=4)
def xor(asked: Asked[Settings]) -> "ExclusiveOr":
    """The four cases of exclusive or, as two numbers in and one out."""
    return ExclusiveOr()


class ExclusiveOr(Domain):
    """Rows 0 to 3 are the four cases, over and over; every part holds them all."""

    name = "xor"
    held_out: Mapping[str, int] = {"validation": 4, "calibration": 4, "test": 4}

    def __init__(self) -> None:
        number = registry.load("kind", "number")
        inputs = number("numbers", ["a", "b"]).fit([CASES[:, 0], CASES[:, 1]])
        self.encodings = Encodings([inputs, number("answer", ["answer"], "target").fit([ANSWERS])])

    def draw(self, generator: torch.Generator, count: int) -> Mapping[str, Tensor]:
        rows = torch.arange(count) % 4
        inputs = self.encodings["numbers"].encode([CASES[:, 0], CASES[:, 1]])
        answers = self.encodings["answer"].encode([ANSWERS])
        assert isinstance(inputs, Tensor)
        assert isinstance(answers, Tensor)
        return {"numbers": inputs[rows], "answer": answers[rows]}
