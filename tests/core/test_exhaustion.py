"""Memory that is refused is known, whoever asked for it."""

import numpy as np
import pytest
import torch

from thalweg.core.exhaustion import out_of_memory

ASKED = {
    "Python": lambda: bytearray(1 << 60),
    "NumPy": lambda: np.empty(1 << 60, np.uint8),
    "torch": lambda: torch.empty(1 << 50, dtype=torch.uint8),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
def test_refused_memory_is_known(ask):
    with pytest.raises((MemoryError, RuntimeError)) as raised:
        ask()
    assert out_of_memory(raised.value)
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError) as raised:
        torch.ones(2) @ torch.ones(3)
    assert not out_of_memory(raised.value)
    assert not out_of_memory(ValueError("can't allocate memory"))
