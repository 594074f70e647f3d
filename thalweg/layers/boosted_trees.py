"""Boosted trees over the plain columns of a table, grown before the first step: what answers beside a net's perceptrons.

Perceptrons are smooth and trees are not, so that they err in different rows and their mean errs less than either (LOG.md).
Several sequences of trees are grown, each without another fold of the training rows, which says when it ends; their answers
are averaged. So every training row is learned from, and the validation rows are not looked at.

Letters: B batch, N training rows, F columns, T trees of all sequences, K answers of a tree, C classes or values.
"""

import numpy as np
import torch
from torch import Tensor, nn

from thalweg.fields.ports import Ports
from thalweg.layers.start import Start, StartsFromData
from thalweg.layers.tree_growing import NEVER, Classes, Cut, Values, sequence

FOLDS = 4
"""Sequences of trees; each fold of the rows ends another one."""
FEWEST, MOST_ROWS = 50, 50_000
"""Training rows below which no trees are grown, and from which they are grown at most, drawn at random."""
MOST_COLUMNS, MOST_ANSWERS = 512, 10
"""Columns, and classes or values, above which none are grown."""


class BoostedTrees(nn.Module, StartsFromData):
    """Trees that answer beside a net: before they have grown its answers stay as they are, then they count for half.

    Args:
        trees: in each sequence, at most.
        depth: questions from the root to a leaf.
    """

    def __init__(self, ports: Ports, *, trees: int, depth: int) -> None:
        super().__init__()
        self.inputs, self.output, self.trees, self.depth = ports.inputs, ports.output, trees, depth
        self.note = f"with up to {FOLDS * trees:,} boosted trees beside it, for half of each answer; --set model.trees=0: none"
        nodes, answers = 2**depth - 1, 1 if ports.output.size == 2 else ports.output.width
        self.columns = nn.Buffer(torch.zeros(FOLDS * trees, nodes, dtype=torch.int32))
        self.limits = nn.Buffer(torch.full((FOLDS * trees, nodes), NEVER))
        self.leaves = nn.Buffer(torch.zeros(FOLDS * trees, nodes + 1, answers))
        self.first, self.share = nn.Buffer(torch.zeros(answers)), nn.Buffer(torch.zeros(()))
        sizes = [size for port in ports.inputs for size in port.sizes or (0,) * port.width]
        self.named = nn.Buffer(torch.tensor(sizes) > 0, persistent=False)  # (F,) categories

    def start(self, start: Start) -> None:
        """Grow trees from all training rows, or a draw of very many."""
        rows = self._side_by_side({port.name: start.rows(port.name) for port in self.inputs})
        if len(rows) < FEWEST:
            return
        drawn = torch.randperm(len(rows), generator=start.generator)[:MOST_ROWS]
        target = start.rows(self.output.name)[drawn].numpy()
        counts = start.weights(len(rows))[drawn].double().numpy()
        classes = self.output.size
        aim = Values(target.astype(np.float64), counts) if classes is None else Classes(target, classes, counts)
        cut = Cut.of(rows[drawn].double().numpy(), self.named.cpu().numpy())
        generator = np.random.default_rng(int(torch.randint(1 << 31, (), generator=start.generator)))
        self.first.copy_(torch.from_numpy(aim.first))
        self.share.fill_(0.5)
        for fold in range(FOLDS):
            left_out = np.arange(len(drawn)) % FOLDS == fold
            grown = sequence(cut, aim, left_out, trees=self.trees, depth=self.depth, generator=generator)
            for place, tree in enumerate(grown, start=fold * self.trees):
                self.columns[place] = torch.from_numpy(tree.columns)
                self.limits[place] = torch.from_numpy(tree.limits)
                self.leaves[place] = torch.from_numpy(tree.leaves / FOLDS)

    def outlive(self) -> None:
        """Say no more: these trees know nothing of what is learned now."""
        self.share.zero_()

    def forward(self, inputs: dict[str, Tensor], answers: Tensor) -> Tensor:
        """What a net answers (B, C), mixed with what trees say of the same inputs (B, ...) by name.

        Of classes these are logarithms of probabilities, and probabilities are averaged.
        """
        said, share = self._said(self._side_by_side(inputs)).to(answers.dtype), self.share.to(answers.dtype)
        if self.output.size is None:
            return torch.lerp(answers, said, share)
        whole = nn.functional.pad(said, (self.output.size - said.shape[1], 0)).log_softmax(1)
        return torch.logaddexp(answers + torch.log1p(-share), whole + share.log())

    def _said(self, x: Tensor) -> Tensor:
        """Columns (B, F) to the sum of what their leaves hold (B, K)."""
        each, columns = torch.arange(len(self.columns), device=x.device), self.columns.long()
        node = torch.zeros(len(x), len(columns), dtype=torch.long, device=x.device)  # (B, T)
        for _ in range(self.depth):
            column, limit = columns[each, node], self.limits[each, node]
            value = x.gather(1, column)
            node = 2 * node + 1 + torch.where(self.named[column], value == limit, value > limit)
        return self.leaves[each, node - columns.shape[1]].sum(1) + self.first

    def _side_by_side(self, inputs: dict[str, Tensor]) -> Tensor:
        """(B, F)."""
        return torch.cat([inputs[port.name].flatten(1).to(self.limits.dtype) for port in self.inputs], 1)


def can_grow(ports: Ports) -> bool:
    """Whether trees can tell of these inputs all that a net can, and of this output: plain columns, classes or values."""
    columns = sum(port.width for port in ports.inputs)
    plain = all(len(port.shape) == 1 and not (port.masked or port.training_only) for port in ports.inputs)
    return plain and 0 < columns <= MOST_COLUMNS and ports.output.width <= MOST_ANSWERS
