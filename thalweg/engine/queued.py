"""Queued steps: the rule's own, begun one after the other without a look at what they came to.

On a GPU a look waits for all that was begun, and the device then waits for the next step's first operations.
"""

import torch
from torch import Tensor

from thalweg.core.position import Position, seed_from
from thalweg.core.registry import program
from thalweg.data.batches import Batches
from thalweg.engine._unwaited import Unwaited, waits_for_nothing
from thalweg.rules._rule import Rule


@program("queued", by_slope=True)
class Queued(Unwaited):
    """Every operation as the rule calls it, so that losses and weights are those of its own steps to the bit."""

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "Queued | None":
        """On a GPU; elsewhere an operation is over when it returns, and nothing would be gained."""
        return cls(rule, batches) if rule.context.device.type == "cuda" and waits_for_nothing(rule, batches) else None

    def begin(self, at: Position, count: int, shares: Tensor) -> Tensor:
        losses, descent = list[Tensor](), self.rule.descent
        for share in shares.unbind():
            seed_from(at)
            try:
                batch = self.rule.prepare(self.batches.at(at), at)
                loss = self.rule.step_unless(self.halted, batch, descent.rates(at), share)
            except (MemoryError, RuntimeError):
                if not losses:
                    raise
                break
            losses.append(loss)
            self.done.add_(1 - self.halted)
            at = at.advanced(self.batches.length)
        return torch.stack(losses)
