"""What a view is: how one value of a kind is kept in a run's results, and shown on the page."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar


class View(ABC):
    """The base of every view; a part is named after the kind that it shows.

    Attributes:
        tile: shown as a picture of its own; otherwise in a cell of a table.
        alone: one value of it says what an example is, as a number of many columns does not.
        modality: what the model card's readers call data of this kind.
        crowd: how many values `together` shows in one picture; 0 where each is shown by itself.
    """

    tile: ClassVar[bool] = False
    alone: ClassVar[bool] = False
    modality: ClassVar[str] = "tabular"
    crowd: ClassVar[int] = 0

    @abstractmethod
    def keep(self, value: Any) -> Any:  # noqa: ANN401 - a raw value to JSON values
        """A raw value as a small JSON value."""

    @abstractmethod
    def show(self, kept: Any, *, named: str = "") -> str:  # noqa: ANN401
        """Markup of what was kept; whatever that holds, it comes out as text.

        Args:
            named: what a picture is called for those who cannot see it.
        """

    def together(self, own: Sequence[Any], real: Sequence[Any]) -> str:
        """Markup of one picture of many kept values, made ones over real ones; empty where each is shown by itself."""
        return ""

    @staticmethod
    @abstractmethod
    def example() -> Any:  # noqa: ANN401
        """A raw value of the kind."""
