"""Several runs of one small net as one: a program that takes a step of all at once.

Runs differ in their seeds alone: each has its own weights, its own order of rows and its own draws, and comes to what it would
have come to alone, up to rounding. So a small net costs one pass through few large operations where it cost one for each run.

Letters: M runs, B rows of a batch.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thalweg.core import registry
from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches
from thalweg.engine._several import AtOnce, OneForAllError, Several, SeveralBatches, apart, joined, near
from thalweg.engine.program import Taken
from thalweg.layers.folded import FoldedDropout, folded
from thalweg.optimizers._descent import Slope, make_descent
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule
from thalweg.tasks._task import Task


class Together(AtOnce):
    """Takes the steps of all runs at once, their nets folded into one; what each rule holds is true after every call.

    A step that is not finite for one of them is left to the rules, and so are those after it: optimizers then count apart.
    """

    def __init__(self, rule: Several, batches: SeveralBatches) -> None:
        self.rule, self.batches = rule, batches
        self.taken = -1  # up to which step the folded net is true
        self.drawn = type(rule.rules[0]).prepare is not GradientRule.prepare or type(rule.task).prepare is not Task.prepare

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "Together | None":
        if not isinstance(rule, Several) or not isinstance(batches, SeveralBatches):
            return None
        if not batches.even or not alike(rule.rules) or folded([one.model for one in rule.rules]) is None:
            return None
        made = cls(rule, batches)
        return made if made._gather() and made.agrees(Position(total=1)) else None

    def take(self, at: Position, most: int) -> Taken:
        if (at.step != self.taken or self.members != self.rule.rules) and not self._gather():
            return Taken(0)
        losses, batch = list[Tensor](), None
        while len(losses) < most:
            try:
                batch = self.batches.at(at)
                gradients, loss = self.slope(batch, at)
                finite = self.descent.update(Slope(self._clipped(gradients), loss.sum(), torch.ones(())), at)
            except (MemoryError, RuntimeError):
                if not losses:
                    raise
                break
            if not bool(finite):
                break
            losses.append(loss)
            at = at.advanced(self.batches.length)
        self.taken = at.step
        if not losses:
            return Taken(0)
        self._hand_out()
        self.rule.reports, self.rule.losses = [], torch.stack(losses)
        return Taken(len(losses), self.rule.losses.mean(1).tolist(), batch)

    def forget(self) -> None:
        """The rules' states were changed by others: fold them again before the next step."""
        self.taken = -1

    def slope(self, batch: Batch, at: Position) -> tuple[list[Tensor], Tensor]:
        """The slope (M, ...) of each parameter by each run's mean loss, and these losses (M,)."""
        for generator, place in zip(self.generators, self.rule.place(at).each() if self.generators else (), strict=True):
            generator.manual_seed(place.number("default"))
        losses = self.rule.task.objective(self.net, self._prepared(batch, at))
        shape = (len(self.members), batch.size // len(self.members))
        weight = losses.weight.view(shape).sum(1)
        loss = (losses.loss * losses.weight).view(shape).sum(1) / weight.clamp(min=torch.finfo(weight.dtype).tiny)
        return list(torch.autograd.grad(loss.sum(), self.descent.parameters, materialize_grads=True)), loss.detach()

    def agrees(self, at: Position) -> bool:
        """Whether all at once come to what each comes to alone, in batches, losses and slopes; it changes nothing."""
        state = torch.default_generator.get_state()
        try:
            gradients, losses = self.slope(self._batch(at), at)
            undrawn = torch.equal(state, torch.default_generator.get_state())  # else nets drew what each would draw alone
            return undrawn and self._as_alone(gradients, losses, at)
        except RuntimeError:  # a layer or a loss that counts on the number of rows
            return False
        finally:
            torch.default_generator.set_state(state)

    def _batch(self, at: Position) -> Batch:
        """The batch at a position, made at once from here on where that gives what each run makes by itself."""
        place = self.rule.place(at)
        each = self.batches.made_apart(place)
        try:
            at_once = self.batches.made_abreast(place) if self.batches.abreast else each
        except OneForAllError:
            self.batches.abreast = False
            return each
        same = all(near(at_once[name].double(), one.double()) for name, one in each.items())
        self.batches.abreast = self.batches.abreast and same
        return each

    def _as_alone(self, gradients: Sequence[Tensor], losses: Tensor, at: Position) -> bool:
        places = self.rule.place(at).each()
        for number, (rule, place) in enumerate(zip(self.members, places, strict=True)):
            seed_from(place)
            alone = rule.slope(rule.prepare(self.batches.supplies[place.seed].at(place), place))
            theirs = torch.cat([alone.loss.reshape(1), *(one.flatten() for one in alone.gradients)]) / alone.weight
            if not near(torch.cat([losses[number].reshape(1), *(one[number].flatten() for one in gradients)]), theirs):
                return False
        return True

    def _prepared(self, batch: Batch, at: Position) -> Batch:
        """What the task and the rule draw, drawn for each run."""
        if not self.drawn:
            return batch
        each = zip(self.members, apart(batch, len(self.members)), self.rule.place(at).each(), strict=True)
        return joined([rule.prepare(own, place) for rule, own, place in each])

    def _clipped(self, gradients: list[Tensor]) -> list[Tensor]:
        clip = self.rule.rules[0].settings.clip
        if clip is None:
            return gradients
        norms = torch.stack([one.flatten(1).square().sum(1) for one in gradients]).sum(0).sqrt()  # (M,)
        shares = (clip / (norms + 1e-12)).clamp(max=1.0)
        return [one * shares.view(-1, *[1] * (one.dim() - 1)) for one in gradients]

    def _gather(self) -> bool:
        """Fold the nets of all, and what their optimizers remember; false where these count apart."""
        self.members, first = self.rule.rules, self.rule.rules[0]
        net = folded([one.model for one in self.members])
        assert net is not None
        self.net, dropouts = net, [one for one in net.modules() if isinstance(one, FoldedDropout)]
        self.generators = [torch.Generator() for _ in self.members] if dropouts else []
        for one in dropouts:
            one.generators = self.generators
        stacked = {name: weight for name, weight in net.named_parameters() if name in first.trained}
        settings = first.settings.model_copy(update={"clip": None})
        self.descent = make_descent(stacked, settings, processes=first.context.processes)
        self._pairs: tuple[list[Tensor], list[Tensor]] | None = None
        return all(self._remember(name, weight) for name, weight in stacked.items())

    def _remember(self, name: str, weight: Tensor) -> bool:
        """Fold what the optimizers remember of a parameter."""
        states = [one.descent.optimizer.state.get(one.trained[name], {}) for one in self.members]
        if not all(states):
            return not any(states)
        merged = {key: _merged([state[key] for state in states]) for key in states[0]}
        self.descent.optimizer.state[weight] = {key: value for key, (value, _) in merged.items()}
        return all(same for _, same in merged.values())

    @torch.no_grad()
    def _hand_out(self) -> None:
        """Give each rule its own part of what was learned."""
        if self._pairs is None:
            self._pairs = ([], [])
            for name, weight in zip(self.descent.names, self.descent.parameters, strict=True):
                self._pair(name, weight)
        torch._foreach_copy_(*self._pairs)

    def _pair(self, name: str, weight: Tensor) -> None:
        assert self._pairs is not None
        theirs, ours = self._pairs
        for number, rule in enumerate(self.members):
            parameter = rule.trained[name]
            state = rule.descent.optimizer.state.setdefault(parameter, {})
            for key, value in self.descent.optimizer.state.get(weight, {}).items():
                part = value[number] if isinstance(value, Tensor) and value.dim() else value
                state[key] = part.clone() if isinstance(part, Tensor) else part
                if isinstance(part, Tensor):
                    theirs.append(state[key])
                    ours.append(part)
            theirs.append(parameter)
            ours.append(weight[number])


def alike(rules: Sequence[Rule]) -> bool:
    """The rules differ in their weights alone, and what they do to each weight depends on no other."""
    first = rules[0]
    if not all(isinstance(one, GradientRule) and type(one) is type(first) and one.settings == first.settings for one in rules):
        return False
    assert isinstance(first, GradientRule)
    settings, kind = first.settings, type(first)
    return (
        kind.step is GradientRule.step
        and kind.slope is GradientRule.slope
        and first.context.processes.world == 1
        and first.context.precision in ("float32", "float64")
        and bool(registry.facts("optimizer", settings.optimizer.name).get("elementwise"))
        and first.task.rows_independent
        and (settings.accumulate, settings.layer_decay, settings.freeze, settings.freeze_statistics) == (1, 1.0, (), False)
        and not first.followers
        and not first.descent.origin
        and (settings.clip is None or not (settings.l1 or settings.l2))
    )


def _merged(values: Sequence[Any]) -> tuple[Any, bool]:
    """One value of an optimizer's state for all runs, and whether there is one."""
    first = values[0]
    if not isinstance(first, Tensor):
        return first, all(one == first for one in values)
    if first.dim():
        return torch.stack(list(values)), True
    return first.clone(), all(torch.equal(one, first) for one in values)
