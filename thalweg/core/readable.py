"""Which kinds of data a model reads, as its declaration says."""

from collections.abc import Mapping
from typing import Any

from thalweg.core import registry


def readable(model_facts: Mapping[str, Any]) -> set[str]:
    """The kinds of ports that a model reads: those it names, and where it is `encoded` all that have an encoder."""
    return set(model_facts.get("inputs", ())) | (set(registry.names("encoder")) if model_facts.get("encoded") else set())
