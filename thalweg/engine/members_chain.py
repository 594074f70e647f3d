"""Ensembles of dense nets by hand: the steps of rule `members` with a call for each product of all members, in kept memory.

Letters: M members, B rows of a batch, I inputs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from thalweg.core.position import Position
from thalweg.core.registry import program
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._chain import LONGEST, Supply, read_links
from thalweg.engine._dense_layers import Link, layers_of
from thalweg.engine._flat_adam import FlatAdam
from thalweg.engine._several_layers import SeveralPass
from thalweg.engine._verdicts import Verdict, shares_of, verdict_of
from thalweg.engine.program import Program, Taken
from thalweg.optimizers._descent import Descent
from thalweg.rules._rule import Rule
from thalweg.rules.members import MembersRule

MOST_WEIGHTS = 20_000_000
"""Weights of all members beyond which products take nearly all of a step."""
MOST_ROWS = 2**16
"""Rows of all members in a burst, at most: their targets and answers are kept until its end."""


@program("members-chain")
class MembersChain(Program):
    """Dense layers one after the other, Adam or AdamW, cross-entropy or squared loss, on one process of a CPU.

    Where a member's slope is not finite, the rule takes the steps from there on: it lets that member stand still.
    """

    def __init__(self, rule: MembersRule, batches: StoredBatches, links: Sequence[Link]) -> None:
        optimizer = rule.descent.optimizer
        assert FlatAdam.fits(optimizer)
        self.rule, self.batches, self.adam, self.healthy = rule, batches, FlatAdam(optimizer), True
        self.supply, self.count = Supply.of(rule, batches), rule.settings.members
        layers = layers_of(links, _views(rule, self.adam))
        like, sizes = layers[0].weight, {*self._sizes(0, batches.length or 1)}
        self.inputs = {size: like.new_empty(size, like.shape[2]) for size in sizes}
        self.passes = {size: SeveralPass(layers, size, same=one) for size, one in self.inputs.items()}
        self.longest = max(1, min(LONGEST, MOST_ROWS // (self.count * max(sizes))))

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "MembersChain | None":
        if type(rule) is not MembersRule or type(batches) is not StoredBatches or not _usual(rule):
            return None
        links = read_links(rule, batches)
        return None if links is None else cls(rule, batches, links)

    def take(self, at: Position, most: int) -> Taken:
        """Up to the end of the epoch at most; half as many, and again, where a slope was not finite."""
        assert self.batches.length is not None
        count = min(most, self.batches.length - at.index, self.longest) if self.healthy and self.adam.lay() else 0
        while count:
            kept = self.adam.kept()
            try:
                losses = self._steps(at, count)
            except (MemoryError, RuntimeError):
                self.adam.restore(kept)
                raise
            if self.adam.sound() and bool(torch.isfinite(torch.tensor(losses)).all()):
                return Taken(count, losses)
            self.adam.restore(kept)
            self.healthy, count = count > 1, count // 2
        return Taken(0)

    @torch.no_grad()
    def _steps(self, at: Position, count: int) -> list[float]:
        """So many steps of one epoch; gives the mean of the members' losses, finite or not."""
        sizes, descent = self._sizes(at.index, at.index + count), self.rule.descent
        inputs, fields = self.supply.burst(at, sizes)
        verdict = self._verdict(fields, sizes)
        rates = [share * descent.peaks[0] for share in descent.shares(at, count)]
        for index, (given, rate, moment) in enumerate(zip(inputs, rates, self.adam.moments(count), strict=True)):
            self.supply.fill(self.inputs[sizes[index]], given)
            work = self.passes[sizes[index]]
            verdict.slope(index, work.forward(), work.slope)
            work.backward()
            self._clip()
            self.adam.update(rate, moment)
        self.adam.group["lr"] = rates[-1]
        return [loss / self.count for loss in verdict.losses()]

    def _verdict(self, fields: Mapping[str, Tensor], sizes: Sequence[int]) -> Verdict:
        """What the batches of a burst are told, each as often as there are members."""
        supply, all_sizes = self.supply, [self.count * size for size in sizes]
        weight = next((fields[name].reshape(-1) for name in supply.weight), None)
        shares = self._for_each(shares_of(weight, sizes, supply.dtype), sizes)
        target = self._for_each(fields[supply.target], sizes)
        return verdict_of(supply.loss, target, shares, all_sizes, classes=next(iter(self.passes.values())).slope.shape[1])

    def _for_each(self, rows: Tensor, sizes: Sequence[int]) -> Tensor:
        """(R, ...) of a burst as (M R, ...): each batch as often as there are members."""
        return torch.cat([one.repeat(self.count, *[1] * (rows.dim() - 1)) for one in rows.split(sizes)])

    def _clip(self) -> None:
        """Shorten the slope of each member to the norm that is asked for."""
        largest = self.rule.settings.clip
        if largest is None:
            return
        norms = torch.stack([one.flatten(1).square().sum(1) for one in self.adam.slopes]).sum(0).sqrt()  # (M,)
        shares = (largest / (norms + 1e-12)).clamp(max=1.0)
        for one in self.adam.slopes:
            one.mul_(shares.view(-1, *[1] * (one.dim() - 1)))

    def _sizes(self, index: int, until: int) -> list[int]:
        """Rows of the batches from one to before another of an epoch."""
        rows, length = len(self.batches.rows), self.batches.length or 1
        return [rows * (one + 1) // length - rows * one // length for one in range(index, until)]


def _usual(rule: MembersRule) -> bool:
    """A step is forward, loss, backward and Adam, on this process alone."""
    alone = rule.context.processes.world == 1 and rule.context.precision in ("float32", "float64")
    few = sum(one.numel() for one in rule.descent.parameters) <= MOST_WEIGHTS
    plain = not (rule.settings.l1 or rule.settings.l2) and type(rule.descent) is Descent
    return alone and few and plain and FlatAdam.fits(rule.descent.optimizer)


def _views(rule: MembersRule, adam: FlatAdam) -> dict[int, tuple[Tensor, Tensor]]:
    """By the `id` of each parameter of the net: where it lies in all members (M, ...), and where its slope belongs."""
    laid, weights = adam.views(), rule.members.weights
    return {id(one): laid[id(weights[name])] for name, one in rule.model.named_parameters()}
