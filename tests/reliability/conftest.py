"""Tests of this folder belong to the reliability tier where that is run whole, and to the full tier where they run small."""

from pathlib import Path

import pytest

from tests.reliability.figures import WHOLE

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them, where they are run whole."""
    for item in items:
        if WHOLE and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.reliability)
