"""Examples and datasets that are ready already: handed back as they are."""

from typing import Any

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.dataset import Dataset, Examples


def recognises(given: Any) -> int:
    """Sure of raw examples and of datasets of ours."""
    return 100 if isinstance(given, Examples | Dataset) else 0


@source("ready", objects=True)
def ready(asked: Asked) -> Examples | Dataset:
    """What was given, itself."""
    given: Examples | Dataset = asked.given
    return given
