"""Census income (Adult): thalweg's net for tables, which is a plain torch module, in batches of 256, Adam.

Eight perceptrons of 192 and 192 units over numbers in pieces and categories in vectors; each member learns by its own loss.
"""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.job import Raw, Rows, Workload

if TYPE_CHECKING:
    from torch import Tensor, nn

NUMBERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
CATEGORIES = ("workclass", "education", "marital-status", "occupation", "relationship", "race", "sex", "native-country")
TARGET = "income"
PLACES = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship", "race"),
    *("sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", TARGET),
)
"""The columns as they stand in the file."""
COUNTS = {"train": 40 * 256, "validation": 64, "calibration": 64, "test": 4_000}
ENCODERS = {"numbers": {"bins": 128, "width": 24, "pairs": 1}}
NET = {"members": 8, "apart": False, "hidden": [192, 192], "trees": 0, "depth": 4, "encoders": ENCODERS}
"""All that thalweg would choose by the number of rows, so that all train the same net."""


class Adult(Workload):
    """Six numbers, eight categories, two classes."""

    title = "tabular net on Adult, batch 256"
    unit = "rows"
    batch = 256
    rate = 0.0015

    def read(self, folder: Path | None) -> Raw:
        if folder is None:
            raise FileNotFoundError("census income: set THALWEG_DATA to the folder that holds tabular/adult.data.gz")
        lines = gzip.decompress((folder / "tabular" / "adult.data.gz").read_bytes()).decode().split("\n")
        table = np.asarray([line.split(", ") for line in lines if line][: sum(COUNTS.values())])
        columns = dict(zip(PLACES, table.T, strict=True))
        return {name: column.astype(np.float64) if name in NUMBERS else column for name, column in columns.items()}

    def rows(self, raw: Raw, part: str) -> Rows:
        place, learned = _places(part), _places("train")
        numbers = np.stack([raw[name] for name in NUMBERS], 1)
        numbers = (numbers - numbers[learned].mean(0)) / numbers[learned].std(0)
        codes = np.stack([np.unique(raw[name], return_inverse=True)[1] + 1 for name in CATEGORIES], 1)
        target = np.unique(raw[TARGET], return_inverse=True)[1]
        return Rows((numbers[place].astype(np.float32), codes[place]), target[place])

    def net(self, raw: Raw) -> "nn.Module":
        import torch
        from torch import nn

        from thalweg.fields.ports import Port, Ports
        from thalweg.layers.start import Start, start_from_data
        from thalweg.models.tabular import Tabular, TabularSettings

        sizes = tuple(len(np.unique(raw[name])) + 1 for name in CATEGORIES)
        inputs = Port("numbers", "numbers", (len(NUMBERS),)), Port("categories", "categories", (len(sizes),), sizes=sizes)
        ports = Ports(inputs, (Port("income", "category", (), size=2),))
        tabular = Tabular(ports, TabularSettings.model_validate(NET))
        rows = self.rows(raw, "train")
        names = (*(port.name for port in inputs), "income")
        given = {name: torch.from_numpy(one) for name, one in zip(names, (*rows.inputs, rows.target), strict=True)}
        start_from_data(tabular, Start([given], ports.output, torch.Generator().manual_seed(0)))

        class OfColumns(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.tabular = tabular

            def forward(self, numbers: "Tensor", categories: "Tensor") -> "Tensor":
                answers: Tensor = self.tabular(numbers=numbers, categories=categories)
                return answers

        return OfColumns()

    def loss(self, output: "Tensor", target: "Tensor") -> "Tensor":
        members = output.shape[1]  # (B, M, C)
        return super().loss(output.flatten(0, 1), target.repeat_interleave(members))

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        data = dict(raw) | {"split": np.repeat(list(COUNTS), list(COUNTS.values()))}
        return {"data": data, "target": TARGET, "model": {"name": "tabular", **NET}}


def _places(part: str) -> slice:
    names = list(COUNTS)
    first = sum(COUNTS[name] for name in names[: names.index(part)])
    return slice(first, first + COUNTS[part])


WORKLOAD = Adult()
