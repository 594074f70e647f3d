"""The weights of a run's stages as they begin and end."""

from typing import Any

import torch

from thalweg.rules.backpropagation import Backpropagation


def watched(seen: dict[tuple[str, int], dict[str, torch.Tensor]]) -> type[Backpropagation]:
    """Backpropagation that notes the model's state under ("begin", stage) and ("end", stage)."""

    def noted(rule: Backpropagation) -> dict[str, torch.Tensor]:
        return {name: one.clone() for name, one in rule.model.state_dict().items()}

    class Watched(Backpropagation):
        def begin(self, batches: Any, at: Any) -> None:  # noqa: ANN401 - as the rule's own
            seen["begin", at.stage] = noted(self)
            super().begin(batches, at)

        def end(self, batches: Any, at: Any) -> None:  # noqa: ANN401
            seen["end", at.stage] = noted(self)

    return Watched
