"""Augmentations that mix rows: partners are drawn for the whole global batch, and the targets are mixed with the inputs."""

import torch
from scipy.special import betaincinv
from torch import Tensor

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.settings import Settings
from thalweg.data.augment._augmentation import Augmentation
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encoding, Encodings


class Mixing(Augmentation):
    """An augmentation that mixes each row with a partner.

    Codes of classes (B,) become probabilities (B, K); probabilities and numbers are mixed linearly.
    """

    def __init__(self, settings: Settings, encodings: Encodings) -> None:
        super().__init__(settings, encodings)
        self.targets = encodings.of_role("target")
        for target in self.targets:
            _check_mixable(target, self.declaration.name)

    def partners(self, batch: Batch, at: Position) -> Tensor:
        """The row (B,) that each row is mixed with: a shuffle of the global batch."""
        assert batch.size == batch.whole, "rows are mixed before they are divided among processes"
        return torch.randperm(batch.size, generator=at.generator("partners")).to(batch.device)

    def mixed_targets(self, batch: Batch, partners: Tensor, share: Tensor) -> dict[str, Tensor]:
        """The targets, with each row's own counting by its share (B,) and its partner's by the rest."""
        fields = {}
        for target in self.targets:
            if target.name in batch:
                own = _linear(batch[target.name], target)
                fields[target.name] = blend(own, partners, share)
        return fields


def blend(rows: Tensor, partners: Tensor, share: Tensor) -> Tensor:
    """Rows (B, ...) by their share (B,), their partners' by the rest."""
    weight = share.to(rows.dtype).view(-1, *[1] * (rows.dim() - 1))
    return rows.index_select(0, partners).lerp_(rows, weight)


def shares(batch: Batch, at: Position, *, alpha: float) -> Tensor:
    """A share (B,) for each row from Beta(alpha, alpha), by its quantiles: torch draws no Beta from a given generator."""
    uniform = torch.rand(batch.whole, generator=at.generator("share"), dtype=torch.float64)
    quantiles = betaincinv(alpha, alpha, uniform.numpy())
    return torch.from_numpy(quantiles).float().to(batch.device)


def _linear(target: Tensor, encoding: Encoding) -> Tensor:
    """A target in the form that is mixed: codes (B,) as probabilities (B, K), all else as it is. Unknown codes: all zeros."""
    if target.is_floating_point():
        return target
    if encoding.port.size is None:
        return target.float()
    return (target[:, None] == torch.arange(encoding.port.size, device=target.device)).float()


def _check_mixable(target: Encoding, name: str) -> None:
    port = target.port
    if port.masked or None in port.shape or (port.size is not None and port.shape):
        raise UsageRefusal(
            "AUGMENT_TARGET",
            f'the target "{target.name}" ({target.kind}) cannot be mixed',
            where=f"augment, {name}",
            why="a mixture of two rows needs a target between theirs: a category or numbers",
            fix=f"leave {name} out",
        )
