"""Whether a run's folder is still the one that it was: not renamed, removed or replaced since."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import final

from thalweg.core.run_place import gone


@final
@dataclass(frozen=True)
class Standing:
    """A run's folder as it was found, to which something is added that takes long.

    Attributes:
        command: what goes on with that, or does it again; `{}` stands for the folder.
        identity: of the folder, on whatever path.
    """

    path: Path
    command: str
    identity: tuple[int, int]

    @staticmethod
    def of(path: Path, command: str) -> "Standing":
        return Standing(Path(path), command, _identity(Path(path)))

    @property
    def again(self) -> str:
        """The command, for the folder."""
        return self.command.replace("{}", str(self.path), 1)

    def refuse_gone(self) -> None:
        """Return while the folder stands where it stood.

        Raises:
            ResourceRefusal: it was renamed, removed or replaced.
        """
        if _identity(self.path) == self.identity:
            return
        moved = [one for one in self.path.parent.glob("*") if _identity(one) == self.identity]
        raise gone(self.path, moved[0] if moved else None, self.command)


def _identity(path: Path) -> tuple[int, int]:
    try:
        facts = os.stat(path)
    except OSError:
        return (-1, -1)
    return facts.st_dev, facts.st_ino
