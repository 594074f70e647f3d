"""Answers: what a loss was given, and how far off it was."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from thalweg.doctor.figures import Figures
from thalweg.doctor.lines import Answers
from thalweg.doctor.makers import maker

CLASSES = ("cross_entropy", "nll_loss")
BINARY = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0}
"""Losses of one answer to each row, and the number above which it says yes."""
SQUARED = "mse_loss"
"""The loss that is compared with the variance of its targets."""
MOST_VALUES, FEWEST_ROWS = 1_000_000, 16
"""So many values are read at most, but of so many rows in any case."""
OFF = 1e-3
"""Sums of probabilities are that near to 1."""
FIGURES = ("rows", "errors", "misplaced", "surest", "sure_errors", "sure_misplaced", "entropy", "deviation")
"""What is read of a call, by name."""
SUREST = 4
"""One in so many answers is among the surest."""


@dataclass(slots=True)
class LossCall:
    """One call of a loss function.

    Attributes:
        value: (), its mean over what it was asked for; detached.
        number: of the value in the order of the graph; None where no slope leads back from it.
        ignored: the target that counts for nothing.
        again: the same loss of other inputs and targets, their mean ().
    """

    loss: str
    input: Tensor
    target: Tensor
    value: Tensor
    number: int | None
    ignored: int = -100
    again: Callable[[Tensor, Tensor], Tensor] | None = None

    @property
    def rows(self) -> int:
        """How many examples it is of."""
        return int(self.input.shape[0]) if self.input.dim() else 1


@dataclass(frozen=True)
class Reading:
    """What was read of a call; its numbers lie among figures, under keys that begin with `key`.

    Attributes:
        counts: (K,) how often each class was among the targets.
        columns: how many numbers each target is, where it is of numbers.
    """

    key: Any
    loss: str
    maker: str
    classes: int | None = None
    hard: bool = False
    counts: Tensor | None = None
    columns: int = 1

    def answers(self, told: Mapping[Any, float | None]) -> Answers:
        """The line, once the figures were read."""
        found = {name: told.get((self.key, name)) for name in FIGURES}
        low, off = told.get((self.key, "low")), told.get((self.key, "off"))
        errors, sure_errors = int(found["errors"] or 0), int(found["sure_errors"] or 0)
        return Answers(
            loss=self.loss,
            classes=self.classes,
            hard=self.hard,
            maker=self.maker,
            probabilities=low is not None and off is not None and low >= 0 and off <= OFF,
            rows=int(found["rows"] or 0),
            errors=errors,
            misplaced=(found["misplaced"] or 0.0) / errors if errors else None,
            surest=int(found["surest"] or 0),
            sure_errors=sure_errors,
            sure_misplaced=(found["sure_misplaced"] or 0.0) / sure_errors if sure_errors else None,
            entropy=found["entropy"],
            deviation=found["deviation"],
        )


@torch.no_grad()
def read(call: LossCall, figures: Figures, key: Any) -> Reading:
    """Read a call; nothing is waited for."""
    made = maker(call.input)
    given = _scores(call)
    if given is None:
        if call.input.numel() > 1:
            figures.add((key, "deviation"), call.input.detach().float().std())
        if call.loss == SQUARED:
            targets = call.target.detach().float()
            figures.add((key, "mean"), targets.mean())
            figures.add((key, "square"), targets.square().mean())
        return Reading(key, call.loss, made, columns=call.target.numel() // max(1, call.rows))
    scores, target = given
    figures.add((key, "deviation"), scores.std() if scores.numel() > 1 else scores.sum())
    classes = int(scores.shape[1])
    if call.loss in CLASSES:
        figures.add((key, "low"), scores.amin())
        figures.add((key, "off"), (scores.sum(1) - 1).abs().amax())
    if target is None:
        return Reading(key, call.loss, made, classes)
    counts = _judge(scores, target, call.ignored, figures, key)
    return Reading(key, call.loss, made, classes, True, counts)


def entropy(counts: Tensor) -> Tensor:
    """() of a distribution given by counts (K,), in nats."""
    share = counts / counts.sum().clamp(min=1)
    return torch.special.entr(share).sum()


def _scores(call: LossCall) -> tuple[Tensor, Tensor | None] | None:
    """Scores (N, K) and classes (N,), None where targets are soft; None for losses without classes."""
    if call.loss in CLASSES:
        return _of_classes(call.input.detach(), call.target.detach())
    if call.loss in BINARY and call.input.dim() and call.input.numel() == call.input.shape[0] == call.target.numel():
        most = _most(2)
        yes = call.input.detach().reshape(-1)[:most].float() - BINARY[call.loss]
        return torch.stack([torch.zeros_like(yes), yes], 1), (call.target.detach().reshape(-1)[:most] > 0.5).long()
    return None


def _of_classes(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor | None] | None:
    if scores.dim() == 1:
        scores, target = scores[None], target[None]
    if scores.dim() < 2 or scores.shape[1] < 2 or not scores.shape[0]:
        return None
    soft = target.is_floating_point()
    if scores.dim() > 2:
        scores = scores.movedim(1, -1).flatten(0, -2)
    most = _most(scores.shape[1])
    return scores[:most].float(), None if soft else target.reshape(-1)[:most]


def _most(classes: int) -> int:
    return max(FEWEST_ROWS, MOST_VALUES // classes)


def _judge(scores: Tensor, target: Tensor, ignored: int, figures: Figures, key: Any) -> Tensor:
    """Errors, and where among the classes they fall; returns how often each class was a target, (K,)."""
    classes = scores.shape[1]
    counted = (target != ignored) & (target >= 0) & (target < classes)
    true = target.clamp(0, classes - 1)
    wrong = (scores.argmax(1) != true) & counted
    above = (scores > scores.gather(1, true[:, None])).sum(1)
    misplaced = (above - 1).clamp(min=0) / max(classes - 2, 1) * wrong
    figures.add((key, "rows"), counted.sum())
    figures.add((key, "errors"), wrong.sum())
    figures.add((key, "misplaced"), misplaced.sum())
    likely = torch.where(counted, scores.amax(1) - scores.logsumexp(1), -torch.inf)
    surest = likely.argsort(descending=True)
    first = torch.arange(len(surest), device=scores.device) * SUREST < counted.sum()
    figures.add((key, "surest"), first.sum())
    figures.add((key, "sure_errors"), (wrong[surest] & first).sum())
    figures.add((key, "sure_misplaced"), (misplaced[surest] * first).sum())
    counts = torch.zeros(classes, device=scores.device).index_add_(0, true, counted.float())
    figures.add((key, "entropy"), entropy(counts))
    return counts
