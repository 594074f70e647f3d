"""Tests of this folder belong to the reliability tier where that is run whole, and to the full tier where they run small."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.figures import WHOLE

HERE = Path(__file__).parent
MEMORY = Path("/dev/shm")
"""A folder in memory, on systems that have it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, where they are run whole."""
    for item in items:
        if WHOLE and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.reliability)


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of saves wait for no disk."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
