"""Connectionist temporal classification: a sequence of symbols against longer, unaligned frames.

Axes: B batch, T frames, S symbols of the target, C classes (the blank among them).
"""

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from thalweg.core.known_classes import refuse_unknown_classes
from thalweg.core.registry import loss
from thalweg.core.settings import Settings
from thalweg.losses._loss import Loss, LossExample, visible, widened


class CTCSettings(Settings):
    """Which class means "no symbol"."""

    blank: int = Field(default=0, ge=0, description="the class that stands for no symbol")


@loss("ctc", settings=CTCSettings, output="logits", target="tokens", unit="nats", impossible="zero", compiles=False)
class CTC(Loss[CTCSettings]):
    """-log of the probability of the target over all its alignments, in nats per target symbol.

    A target that no alignment of its frames can spell would cost infinitely much: it costs 0 instead and has no gradient.
    `impossible` says which examples these are. Masks show a leading stretch of each row; padding comes last. PyTorch's own
    operator breaks a compiled graph here.

    Reference: Graves et al. 2006, doi:10.1145/1143844.1143891.
    """

    def __call__(
        self, output: Tensor, target: Tensor, mask: Tensor | None = None, *, target_mask: Tensor | None = None
    ) -> Tensor:
        """The loss per target symbol of each example.

        Args:
            output: (B, T, C) logits, or log-probabilities, which are their own logits.
            target: (B, S) symbols, none of them the blank.
            mask: (B, T) bool, True on the frames of the example.
            target_mask: (B, S) bool, True on its symbols.

        Returns:
            (B,) nats; an empty target counts as one symbol.

        Raises:
            DataRefusal: a symbol is no class of the output: the kernel would read and write beyond its memory.
        """
        if not output.numel():
            return widened(output).flatten(1).sum(1)
        refuse_unknown_classes(visible(target, target_mask), output.shape[-1], where="loss ctc")
        frames, symbols = _lengths(output[..., 0], mask), _lengths(target, target_mask)
        log_p = F.log_softmax(visible(widened(output), mask), -1).transpose(0, 1)  # (T, B, C)
        values = F.ctc_loss(
            log_p,
            visible(target, target_mask).long(),
            frames,
            symbols,
            blank=self.settings.blank,
            reduction="none",
            zero_infinity=True,
        )
        return values / symbols.clamp(min=1)

    @staticmethod
    def impossible(output: Tensor, target: Tensor, mask: Tensor | None = None, *, target_mask: Tensor | None = None) -> Tensor:
        """(B,) bool: too few frames to spell the target; two equal neighbours need a blank between them. Arguments as above."""
        symbols = _lengths(target, target_mask)
        within = torch.arange(1, target.shape[1], device=target.device) < symbols[:, None]  # (B, S - 1)
        repeats = ((target[:, 1:] == target[:, :-1]) & within).sum(1)
        return _lengths(output[..., 0], mask) < symbols + repeats

    @staticmethod
    def example() -> LossExample:
        """Two rows of five and four frames, three classes, two symbols each."""
        output = torch.linspace(-1.0, 1.0, 30).sin().mul(3).reshape(2, 5, 3)
        mask = torch.tensor([[True] * 5, [True] * 4 + [False]])
        return LossExample(CTCSettings(), output, torch.tensor([[1, 2], [2, 2]]), mask)


def _lengths(values: Tensor, mask: Tensor | None) -> Tensor:
    shown = torch.ones_like(values, dtype=torch.bool) if mask is None else mask.bool()
    return shown.sum(1)  # (B,)
