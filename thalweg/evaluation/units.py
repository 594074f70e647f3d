"""Units: what varies as one, an example or a whole group of them.

Letters: n examples, G groups, k statistics of a row.
"""

import numpy as np
import torch
from torch import Tensor

from thalweg.data.dataset import Dataset, StoredDataset
from thalweg.fields.column import Column, coded, take


def groups_of(dataset: Dataset, part: str) -> Tensor | None:
    """(n,) the group of each example of a part, from 0; None where the data name no groups."""
    if not isinstance(dataset, StoredDataset):
        return None
    name = dataset.facts.get("group")
    column = dataset.examples.columns.get(name) if isinstance(name, str) else None
    return None if column is None else numbered(take(column, dataset.parts[part]))


def numbered(column: Column) -> Tensor:
    """(n,) the values of a column as numbers from 0; rows without a value are groups of their own."""
    codes = coded(column)[1]
    alone = codes < 0
    codes = np.where(alone, codes.max(initial=-1) + np.cumsum(alone), codes)
    return torch.from_numpy(np.unique(codes, return_inverse=True)[1].reshape(-1))


def count(groups: Tensor) -> int:
    """How many groups there are."""
    return int(groups.max()) + 1 if len(groups) else 0


def in_units(rows: Tensor, groups: Tensor | None) -> Tensor:
    """Rows (n, k) of examples as rows (G, k) of their groups; themselves where there are none."""
    if groups is None:
        return rows
    return torch.zeros(count(groups), *rows.shape[1:], dtype=rows.dtype).index_add(0, groups, rows)
