"""Decoders of text by hand: forward, backward and Adam in kept memory, a lane of windows on each thread.

The products of a small decoder take half of a step, the rest goes into graph, memory that is taken anew, and the optimizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import torch
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import program
from thalweg.data.batch import Batch
from thalweg.data.batches import Batches, StoredBatches
from thalweg.engine._decoder_pass import DecoderPass, Learned
from thalweg.engine._dense_layers import ACTIVATIONS
from thalweg.engine._flat_adam import FlatAdam
from thalweg.engine._usual import OR_ROUNDED, altered, usual
from thalweg.engine._verdicts import CrossEntropyVerdict
from thalweg.engine.program import Program, Taken
from thalweg.layers.attention import Manner
from thalweg.layers.normalisation import LayerNorm
from thalweg.losses.cross_entropy import CrossEntropy
from thalweg.models.transformer import Block, Decoder
from thalweg.rules._rule import Rule
from thalweg.rules.backpropagation import Backpropagation
from thalweg.tasks.language_modelling import NEXT, LanguageModelling

ROWS = 2048
"""Places that go through the net at a time; fewer, which would stay in the cache, took longer (LOG.md)."""
MOST_WEIGHTS = 16_000_000
"""Weights beyond which products take nearly all of a step."""


@program("decoder", lanes=True, precisions=("bfloat16",))
class DecoderProgram(Program):
    """A causal decoder with learned places and layer normalisation, cross-entropy, Adam or AdamW, on one process of a CPU.

    Where the rule has lanes, each takes a part of the windows and adds up slopes of its own.
    """

    def __init__(self, rule: Backpropagation, batches: StoredBatches, places: int) -> None:
        optimizer, model = rule.descent.optimizer, rule.model
        assert FlatAdam.fits(optimizer)
        assert isinstance(model, Decoder)
        assert isinstance(rule.task.loss, CrossEntropy)
        self.rule, self.batches, self.adam, self.loss = rule, batches, FlatAdam(optimizer), rule.task.loss
        self.name, self.places, count = model.name, places, 1 if rule.lanes is None else rule.lanes.count
        most = max(1, min(-(-batches.size // count), ROWS // places))
        slopes = [self.adam.slope, *(torch.zeros_like(self.adam.slope) for _ in range(count - 1))]
        low = rule.context.precision == "bfloat16"
        self.rounded = torch.empty_like(self.adam.slope, dtype=torch.bfloat16) if low else None  # (N,) once a step
        learned = [Learned(self.adam.views(slope), self.adam.views(slope, self.rounded)) for slope in slopes]
        self.lanes = [(slope, DecoderPass(model, one, places, most)) for slope, one in zip(slopes, learned, strict=True)]

    @classmethod
    def of(cls, rule: Rule, batches: Batches) -> "DecoderProgram | None":
        if not usual(rule, most_weights=MOST_WEIGHTS, precisions=OR_ROUNDED) or not isinstance(batches, StoredBatches):
            return None
        model, task = rule.model, rule.task
        if not _known(model) or type(task) is not LanguageModelling or type(task.loss) is not CrossEntropy:
            return None
        given = batches.at(Position(total=1))[model.name]
        return cls(rule, batches, given.shape[1])

    def take(self, at: Position, most: int) -> Taken:
        losses: list[float] = []
        batch = None
        for _ in range(most if self.adam.lay() else 0):
            try:
                given = self.rule.prepare(self.batches.at(at), at)
                loss = self._step(given, at)
            except (MemoryError, RuntimeError):
                if not losses:
                    raise
                break
            if loss is None:
                break
            losses.append(loss)
            batch, at = given, at.advanced(self.batches.length)
        return Taken(len(losses), losses, batch)

    @torch.no_grad()
    def _step(self, batch: Batch, at: Position) -> float | None:
        """One update; gives its loss, or None where it would not be finite and nothing was changed."""
        descent, rows = self.rule.descent, batch[NEXT].numel()
        if self.rounded is not None:
            self.rounded.copy_(self.adam.memory[0])
        parts = [_Part(*one, part, 1.0 / rows) for one, part in zip(self.lanes, batch.parts(len(self.lanes)), strict=False)]
        lanes = self.rule.lanes
        each = list(map(self._slopes, parts)) if lanes is None else lanes.map(self._slopes, parts, seed=0)
        for further in parts[1:]:
            self.adam.slope.add_(further.slope)
        loss, norm = sum(each), float(torch.linalg.vector_norm(self.adam.slope))
        if not torch.isfinite(torch.tensor([loss, norm], dtype=self.adam.slope.dtype)).all():
            return None
        if descent.settings.clip is not None:
            self.adam.clip(descent.settings.clip)
        rate = descent.share(at) * descent.peaks[0]
        (moment,) = self.adam.moments(1)
        self.adam.update(rate, moment)
        self.adam.group["lr"] = rate
        for follower, leader in self.rule.led():
            follower.update(leader)
        return loss

    @torch.no_grad()
    def _slopes(self, part: "_Part") -> float:
        """The slopes of some windows, written where they belong; gives their share of the loss."""
        part.slope.zero_()
        target, losses = part.batch[NEXT].reshape(-1), list[float]()

        def judge(first: int, logits: Tensor, out: Tensor) -> None:
            wanted, sizes = target[first * self.places :][: len(logits)], [len(logits)]
            shares = logits.new_full(sizes, part.share)
            verdict = CrossEntropyVerdict(self.loss, wanted, shares, sizes, classes=logits.shape[1])
            verdict.slope(0, logits, out)
            losses.extend(verdict.losses())

        part.work.add_slopes(part.batch[self.name], judge)
        return sum(losses)


@dataclass(frozen=True)
class _Part:
    """Some windows of a batch, and what their slopes are computed with.

    Attributes:
        share: what each symbol counts of the loss.
    """

    slope: Tensor
    work: DecoderPass
    batch: Batch
    share: float


def _known(model: nn.Module) -> TypeGuard[Decoder]:
    """A decoder whose every part has a way back here; of any other nobody can tell what its `forward` does besides."""
    if type(model) is not Decoder or any(altered(one) for one in model.modules()):
        return False
    plain = model.places is not None and model.rotary is None and type(model.drop) is nn.Identity
    return plain and type(model.last) is LayerNorm and all(map(_known_block, model.blocks))


def _known_block(block: nn.Module) -> bool:
    assert isinstance(block, Block)
    norms: Sequence[nn.Module] = block.before_attention, block.before_perceptron
    inner, activation, _, drop = block.perceptron
    return (
        all(type(one) is LayerNorm for one in norms)
        and block.attention.manner == Manner(causal=True)
        and type(activation) in ACTIVATIONS
        and type(drop) is nn.Identity
        and inner.bias is None
    )
