"""Continuing: models that go on from what they have read without reading it again."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor


class Continuing(ABC):
    """A causal model of symbols that remembers what it computed of earlier places (keys and values, hidden states)."""

    longest: int
    """Places that it can look back over, those read now among them."""

    @abstractmethod
    def continued(self, symbols: Tensor, past: Any) -> tuple[Tensor, Any]:  # noqa: ANN401 - its own
        """Logits (B, T, V) of what follows each of the symbols (B, T), and what to hand back with the symbols after them.

        Args:
            past: what the call before gave; None at the beginning.
        """
