"""Several chains of dense layers at once, by hand: a step of all is as many calls as a step of one.

Runs may differ in their seeds, in the rows that they learn from, in rate, decay and clipping; each comes to what it would have
come to alone, up to rounding. What their rules hold lies in this memory, so that nothing is handed out.

Letters: M runs, n steps of a burst, B rows of a batch at most.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.data.batches import Batches
from thalweg.engine._chain import LONGEST, read_links
from thalweg.engine._dense_layers import layers_of, links_of
from thalweg.engine._several import AtOnce, Several, SeveralBatches, near
from thalweg.engine._several_adams import SeveralAdams
from thalweg.engine._several_layers import SeveralPass
from thalweg.engine._several_supply import SeveralSupply
from thalweg.engine._usual import usual
from thalweg.engine._verdicts import Verdict, same_loss, verdict_of
from thalweg.engine.dense_chain import MOST_WEIGHTS
from thalweg.engine.program import Taken
from thalweg.optimizers._average import Follower
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation

MOST_ROWS = 2**16
"""Rows of a burst, at most: their targets and answers are kept until its end."""


class ChainsTogether(AtOnce):
    """Takes the steps of all runs at once; a burst that is not finite for one of them is left to the rules."""

    def __init__(self, rule: Several, batches: SeveralBatches, supply: SeveralSupply) -> None:
        self.rule, self.batches = rule, batches
        self._gather(supply)

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "ChainsTogether | None":
        if not isinstance(rule, Several) or not isinstance(batches, SeveralBatches) or not _of_one_net(rule):
            return None
        for one, own in zip(rule.rules, batches.going(), strict=True):
            assert isinstance(one, Backpropagation)
            if read_links(one, own) is None:
                return None
        supply = _supply(rule, batches)
        if supply is None:
            return None
        made = cls(rule, batches, supply)
        return made if made.agrees(Position(total=1)) else None

    def take(self, at: Position, most: int) -> Taken:
        """Up to the end of the epoch at most; half as many, and again, where a slope was not finite."""
        assert self.batches.length is not None
        if self.members != self.rule.rules:
            self._let_go()
        count = min(most, self.batches.length - at.index, self.longest) if self.adams.lay() else 0
        while count:
            kept, before = self.adams.kept(), [copy.deepcopy(one.state_dict()) for one in self._followers()]
            try:
                losses = self._steps(at, count)
            except (MemoryError, RuntimeError):
                self._restore(kept, before)
                raise
            if self.adams.sound() and bool(torch.isfinite(losses).all()):
                self.rule.reports, self.rule.losses = [], losses
                return Taken(count, losses.mean(1).tolist())
            self._restore(kept, before)
            count //= 2
        return Taken(0)

    def _restore(self, kept: Any, followers: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401 - what `SeveralAdams` keeps
        self.adams.restore(kept)
        for follower, state in zip(self._followers(), followers, strict=True):
            follower.load_state_dict(state)

    def forget(self) -> None:
        """Nothing: whether all lies here is asked before each burst."""

    def agrees(self, at: Position) -> bool:
        """Whether the slopes of all at once are those of each alone; it changes nothing."""
        self.adams.lay()
        with torch.no_grad():
            self._slope(*self._burst(at, 1), 0)
        each = zip(self.members, self.adams.each, self.batches.going(), self.rule.place(at).each(), strict=True)
        for rule, ours, own, place in each:
            alone = rule.slope(rule.prepare(own.at(place), place))
            if not near(ours.slope, torch.cat([one.flatten() for one in alone.gradients]) / alone.weight):
                return False
        return True

    def _gather(self, supply: SeveralSupply) -> None:
        """Lay the weights and moments of all side by side."""
        self.members, self.supply = self.rule.rules, supply
        self.adams = SeveralAdams([one.descent for one in self.members])
        links = links_of(self.members[0].model)
        assert links is not None
        self.work = SeveralPass(layers_of(links, self.adams.views()), supply.rows)
        self.sizes = len(self.members) * supply.rows
        self.longest = max(1, min(LONGEST, MOST_ROWS // self.sizes))

    def _let_go(self) -> None:
        """Go on without those that have ended: they take what is theirs with them."""
        for one in self.members:
            if one not in self.rule.rules:
                self.adams.leave(one.descent)
        supply = _supply(self.rule, self.batches)
        assert supply is not None
        self._gather(supply)

    @torch.no_grad()
    def _steps(self, at: Position, count: int) -> Tensor:
        """So many steps of one epoch; gives the losses (n, M), finite or not."""
        inputs, verdict = self._burst(at, count)
        self.adams.begin(at, count)
        led = [pair for one in self.members for pair in one.led()]
        for index in range(count):
            self._slope(inputs, verdict, index)
            self.adams.clip()
            self.adams.update(index)
            for follower, leader in led:
                follower.update(leader)
        return torch.tensor(verdict.losses(), dtype=torch.float64).view(count, len(self.members))

    def _burst(self, at: Position, count: int) -> tuple[Sequence[Tensor], Verdict]:
        """What so many steps are filled in from, and what they are told."""
        inputs, target, weight = self.supply.burst(at, count)
        shares, classes = self.supply.shares(at, count, weight), self.work.slope.shape[1]
        told = [self.supply.rows] * (count * len(self.members))
        return inputs, verdict_of(self.rule.task.loss, target, shares, [self.sizes] * count, classes=classes, told=told)

    def _slope(self, inputs: Sequence[Tensor], verdict: Verdict, index: int) -> None:
        """Write the slopes of all for one step of a burst."""
        self.supply.fill(self.work.inputs, inputs[index])
        verdict.slope(index, self.work.forward(), self.work.slope)
        self.work.backward()

    def _followers(self) -> list[Follower]:
        return [follower for one in self.members for follower in one.followers.values()]


def _supply(rule: Several, batches: SeveralBatches) -> SeveralSupply | None:
    return SeveralSupply.of(batches, rule.task, rule.rules[0].descent.parameters[0].dtype)


def chained(rule: Rule) -> bool:
    """The net is a chain of dense layers, and a step is forward, loss, backward and Adam."""
    return usual(rule, most_weights=MOST_WEIGHTS) and links_of(rule.model) is not None


def _of_one_net(rule: Several) -> bool:
    """The nets are such chains, built alike, and are told by the same loss."""
    first = rule.rules[0]
    return all(
        chained(one)
        and str(one.model) == str(first.model)
        and type(one.task) is type(first.task)
        and same_loss(one.task.loss, first.task.loss)
        and one.context.precision == first.context.precision
        for one in rule.rules
    )
