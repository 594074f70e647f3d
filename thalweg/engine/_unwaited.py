"""Steps that nobody waits for: each is begun while the device is still at the one before; what they came to is read at once.

Whether a step was finite stays on the device. The first that was not halts it: it and all that were begun behind it change
nothing, so that what is learned stands where that step began, and the rule takes it again and finds the cause.
"""

from abc import ABC, abstractmethod
from typing import TypeGuard

import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.position import Position
from thalweg.core.sending import sent
from thalweg.data.batches import Batches
from thalweg.engine.program import Program, Taken
from thalweg.optimizers._descent import Descent
from thalweg.optimizers._implementation import may_halt
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule

LONGEST = 256
"""Steps that are begun before their losses are read, at most."""


class Unwaited(Program, ABC):
    """Steps of a rule by slopes, read once a call.

    Attributes:
        halted: () 1 from the first step of a call on that was not finite.
        done: () steps of a call before it.
    """

    def __init__(self, rule: GradientRule, batches: Batches) -> None:
        self.rule, self.batches = rule, batches
        self.halted, self.done = torch.zeros(2, device=rule.context.device).unbind()
        self._bad = -1
        self._remembers = registry.facts("optimizer", rule.settings.optimizer.name).get("remembers", True)

    @abstractmethod
    def begin(self, at: Position, count: int, shares: Tensor) -> Tensor:
        """Begin so many steps from a position on, each by `rule.step_unless`.

        Args:
            shares: (count, F) how far each follower goes in each of them.

        Returns:
            Their losses (count,), on the device; of fewer, where memory was refused to the next one.
        """

    def within(self, at: Position, most: int) -> int:
        """How many of the next steps may be begun in one call."""
        return min(most, LONGEST)

    def take(self, at: Position, most: int) -> Taken:
        """What the optimizer remembers is made in its first step, which the rule takes as well as those that are not finite."""
        optimizer = self.rule.descent.optimizer
        if at.step == self._bad or (self._remembers and not all(map(optimizer.state.get, self.rule.descent.parameters))):
            return Taken(0)
        count, followers = self.within(at, most), list(self.rule.followers.values())
        self.halted.zero_()
        self.done.zero_()
        ways = torch.tensor([one.shares(count) for one in followers], dtype=self.rule.descent.parameters[0].dtype)
        losses = self.begin(at, count, sent(ways.view(len(followers), count).T, self.halted.device))
        done, *found = torch.cat([self.done.reshape(1), losses]).tolist()
        good = int(done)
        self._bad = at.step + good if good < len(found) else -1
        for one in followers:
            one.count_on(good)
        rates = self.rule.descent.rates(at.advanced(self.batches.length, max(good, 1) - 1))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        return Taken(good, found[:good])


def waits_for_nothing(rule: Rule, batches: Batches) -> TypeGuard[GradientRule]:
    """Whether nothing in a step hangs on what the last one came to but the weights, and its guard may lie on the device."""
    if not isinstance(rule, GradientRule) or rule.context.processes.world > 1 or rule.lanes is not None:
        return False
    kind, descent = type(rule), rule.descent
    own = kind.step is not GradientRule.step or kind.prepare is not GradientRule.prepare
    guarded = type(descent) is Descent and not descent.scaled and may_halt(descent.optimizer)
    return guarded and not own and not batches.state_dict()
