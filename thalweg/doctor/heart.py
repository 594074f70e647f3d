"""What the probe shows of a net: whether it learns a few examples by heart."""

from dataclasses import dataclass

from thalweg.doctor.lines import Probe

ROWS = 8
"""Examples that are enough to show that a net can learn: one or two every net learns."""
FEW, LEARNED, LEARNED_BY_FEW = 2, 0.5, 0.2
"""Units of a layer that another takes in, through which a few examples are learned in part; what may be left where they were
learned, by other nets and by those."""


def few(narrowest: int | None) -> bool:
    """A net's narrowest layer has few units."""
    return narrowest is not None and narrowest <= FEW


def most_left(narrowest: int | None) -> float:
    """What the probe may leave where a net with this narrowest layer learned its examples."""
    return LEARNED_BY_FEW if few(narrowest) else LEARNED


@dataclass(frozen=True)
class Left:
    """What the probe left unlearned of its examples.

    Attributes:
        of_first: over what it began with.
        of_unknowing: over what is left to who knows no more than what these targets are like in all.
    """

    of_first: float
    of_unknowing: float

    @staticmethod
    def by(probe: Probe, unknowing: float) -> "Left | None":
        """What a probe left; None where it could not be tried.

        Args:
            unknowing: the loss of who knows no more than what the targets are like in all.
        """
        if probe.first is None or probe.last is None:
            return None
        left = probe.last - probe.least
        return Left(left / max(probe.first - probe.least, 1e-12), left / max(unknowing - probe.least, 1e-12))

    def learned(self, most: float) -> bool:
        """By both measures: a loss that began huge may have fallen far and say nothing yet."""
        return max(self.of_first, self.of_unknowing) <= most

    def failed(self, most: float) -> bool:
        """By both measures."""
        return min(self.of_first, self.of_unknowing) > most
