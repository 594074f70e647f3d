"""Ridge regression of the last layer in closed form: once through the rows, no step, no rate; the penalty by leaving rows out.

Classes are learned as 1 for a row's own and -1 for the others. The answers are then made into logarithms of odds by what is
said of each row without itself, so that they are not only an order (`_log_odds.py`).

Reference: Hoerl and Kennard 1970, doi:10.1080/00401706.1970.10488634; leaving out: Rifkin and Lippert 2007,
MIT-CSAIL-TR-2007-025.

Letters: B batch, N rows, F features, M classes or values, S sorts of features.
"""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.core.settings import Settings
from thalweg.data.batch import Batch
from thalweg.data.batches import Augment, Batches
from thalweg.data.dataset import Dataset
from thalweg.layers.linear_head import LinearHead
from thalweg.layers.start import Start, start_from_data
from thalweg.rules._closed_form import PENALTIES, Solution, ridges
from thalweg.rules._log_odds import log_odds
from thalweg.rules._rule import Context, Rule
from thalweg.tasks._task import Task

ROWS = 256
"""Rows whose features are computed at once."""
NUMBERS = 1_500_000_000
"""Numbers that the features of all rows may be."""


class RidgeSettings(Settings):
    """Which penalties are tried."""

    penalties: tuple[float, ...] = Field(PENALTIES, min_length=1, description="tried in turn, by leaving out each row")


@rule("ridge", settings=RidgeSettings, gradient=False, paper="Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634")
class Ridge(Rule):
    """The head of a net whose features are fixed; layers that start from data do so first."""

    settings: RidgeSettings

    def __init__(self, task: Task, model: nn.Module, settings: RidgeSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        if not isinstance(model, LinearHead):
            raise UsageRefusal(
                "RULE_OTHER_MODEL",
                f"the rule ridge cannot solve a {type(model).__name__}",
                where="--rule",
                why="all but its last, linear layer must be fixed",
                fix="--model random-kernels, or leave the rule out",
            )
        if task.encodings.of_role("weight"):
            raise UsageRefusal(
                "RULE_NO_WEIGHTS",
                "the rule ridge counts all rows the same, these data have weights",
                where=", ".join(one.name for one in task.encodings.of_role("weight")),
                why="leaving out a row is computed for equal ones",
                fix="--rule backpropagation, or leave the weights out: --ignore NAME",
            )
        self.net = model

    def batches(self, dataset: Dataset, augment: Sequence[Augment] = ()) -> Batches:
        """The rows as they are."""
        rows, features = dataset.rows("train"), self.net.head.in_features
        if rows is None or rows * features > NUMBERS:
            counted = "rows are drawn without end" if rows is None else f"{rows:,} rows of {features:,} features"
            raise UsageRefusal(
                "RULE_TOO_MANY_ROWS",
                f"{counted} are too many for the rule ridge",
                where="--rule",
                why=f"it holds all of them in memory at once, up to {NUMBERS:,} numbers",
                fix="--rule backpropagation, which goes through them in batches",
            )
        return dataset.batches("train", size=ROWS, processes=self.context.processes)

    def steps(self, batches: Batches) -> int:
        """None: all is done at the beginning."""
        return 0

    @torch.no_grad()
    def begin(self, batches: Batches, at: Position) -> None:
        """Find the head; later stages find it anew from their own rows, for the same features."""
        output, processes = self.task.ports.output, self.context.processes
        if at.stage == 0:
            start_from_data(self.net, Start(batches, output, at.generator("start", by="run"), processes))
        features, target = self._rows(batches)
        order = torch.randperm(len(features), generator=at.generator("order", by="run"))
        features, target = features[order], target[order]
        parts = ridges(features, target, _squared_error, penalties=self.settings.penalties, sorts=self.net.sorts)
        counts, bias = self._counts(parts, target)
        self.net.head.weight.copy_(torch.einsum("s,smf->mf", counts, torch.stack([one.weight for one in parts])))
        self.net.head.bias.copy_(counts @ torch.stack([one.bias for one in parts]) + bias)

    def _counts(self, parts: Sequence[Solution], target: Tensor) -> tuple[Tensor, Tensor]:
        """How much each solution counts (S,), and what is added to their sum (M,): of values their mean is taken as it is."""
        if self.task.ports.output.size is None:
            return torch.full((len(parts),), 1 / len(parts)), torch.zeros(target.shape[1])
        left_out = torch.stack([one.left_out for one in parts])  # (S, n, M) of the first rows
        counts, bias = log_odds(left_out, target[: left_out.shape[1]].argmax(1))
        return counts.float(), bias.float()

    def _rows(self, batches: Batches) -> tuple[Tensor, Tensor]:
        """Features (N, F) and targets (N, M) of the rows of all processes, on the host."""
        output, was = self.task.ports.output, self.net.training
        self.net.eval()
        features, targets = [], []
        for batch in batches:
            inputs = {name: batch[name] for name in self.task.ports.names if name in batch}
            features.append(self.net.features(**inputs).float().cpu())
            targets.append(_target(batch[output.name].cpu(), output.size))
        self.net.train(was)
        gather = self.context.processes.gather
        return gather(torch.cat(features)), gather(torch.cat(targets))

    def step(self, batch: Batch, at: Position) -> dict[str, Tensor]:
        """Never called."""
        raise AssertionError("a solution takes no steps")


def _target(target: Tensor, classes: int | None) -> Tensor:
    """Values (B, M), or 1 and -1 for classes."""
    if classes is None:
        return target.float().reshape(len(target), -1)
    shares = target if target.is_floating_point() else nn.functional.one_hot(target, classes)
    return 2.0 * shares.float() - 1.0


def _squared_error(predicted: Tensor, target: Tensor) -> float:
    return float((predicted - target).square().mean())
