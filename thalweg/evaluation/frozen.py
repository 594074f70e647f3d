"""Photos as the features of a published net that is left as it is: the strongest opponent that costs nothing to train.

Reference: Razavian et al. 2014, arXiv:1403.6382.

Letters: B batch, C channels, H W sides, D features.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.settings import read_settings
from thalweg.evaluation.features import AsTheyAre
from thalweg.fields.ports import Port, Ports
from thalweg.models.weights.catalogue import entry, local
from thalweg.models.weights.filling import fill_by_name
from thalweg.tasks._task import Task

ROWS = 32
"""Pictures that are seen at once."""
COLOURS = 3


class Frozen(AsTheyAre):
    """What a published net without its head makes of the only input, (B, D); grey pictures are seen as coloured ones.

    Pictures are as the run standardised them: their channels have the means and spreads of those that the net learned from.

    Args:
        weights: a name of the catalogue; its file must be here.
    """

    def __init__(self, task: Task, weights: str) -> None:
        super().__init__(task)
        known = entry(weights)
        sides = [int(axis or 0) for axis in self.port.shape[1:]]
        ports = Ports((Port("image", "image", (COLOURS, *sides)),), (Port("class", "category", (), size=2),))
        kind = registry.load("model", known.model)
        settings = read_settings(kind.declaration.settings, {}, where=known.model)
        with torch.random.fork_rng(devices=[]):
            self.net = kind(ports, settings).eval()
        fill_by_name(self.net, known.model, settings, weights)

    @torch.no_grad()
    def __call__(self, inputs: Mapping[str, Tensor]) -> np.ndarray:
        """(B, D) float32."""
        pictures = torch.from_numpy(super().__call__(inputs))
        seen = [self.net.features(some.expand(-1, COLOURS, -1, -1)) for some in pictures.split(ROWS)]
        found: np.ndarray = torch.cat(seen).numpy()
        return found


def can_freeze(task: Task, weights: str) -> bool:
    """Whether those weights are here, and the only input is a picture that is large enough for them, grey or coloured."""
    known, shapes = entry(weights), [[axis or 0 for axis in port.shape] for port in task.ports.inputs]
    return local(known) is not None and known.suits(shapes) and shapes[0][0] in (1, COLOURS)
