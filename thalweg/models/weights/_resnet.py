"""What torchvision calls the tensors of a residual net, from which three published sets of weights are read."""

from collections.abc import Sequence
from itertools import accumulate

from thalweg.models.residual import ResidualSettings

PLACES = {
    "first": "conv1", "first_norm": "bn1", "second": "conv2", "second_norm": "bn2", "third": "conv3", "third_norm": "bn3",
    "shortcut": "downsample.0", "shortcut_norm": "downsample.1",
}  # fmt: skip
ENDS = {"stem.0": "conv1", "stem.1": "bn1", "head": "fc"}


def torchvision_names(names: Sequence[str], settings: ResidualSettings) -> dict[str, str]:
    """Our names of tensors to torchvision's, of a net of these depths."""
    return {name: _theirs(name, [0, *accumulate(settings.depths)]) for name in names}


def _theirs(name: str, starts: Sequence[int]) -> str:
    """The name of one tensor.

    Args:
        starts: the number of the first block of each stage, and that of all blocks.
    """
    place, _, kind = name.rpartition(".")
    if not place.startswith("blocks."):
        return f"{ENDS[place]}.{kind}"
    _, number, within = place.split(".")
    stage = max(index for index, start in enumerate(starts) if start <= int(number))
    return f"layer{stage + 1}.{int(number) - starts[stage]}.{PLACES[within]}.{kind}"
