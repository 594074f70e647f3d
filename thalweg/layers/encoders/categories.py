"""Categories as learned vectors: a table of them for each column, short for columns of few values.

Reference: Guo & Berkhahn 2016, arXiv:1604.06737.

Letters: B batch, k columns.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.registry import encoder
from thalweg.core.settings import Settings
from thalweg.fields.ports import Port
from thalweg.layers.encoded import Encoder


class CategoriesSettings(Settings):
    """How wide categories are."""

    width: int = Field(8, ge=1, le=4096, description="numbers that stand for a category; columns of fewer values take fewer")
    members: int = Field(1, ge=1, le=4096, description="sets of vectors, one for each member of an ensemble")
    deviation: float = Field(0.5, gt=0, le=10, description="spread of the vectors at the start")


@encoder("categories", settings=CategoriesSettings, members=True, paper="Guo & Berkhahn 2016, arXiv:1604.06737")
class CategoriesEncoder(Encoder):
    """Codes (B, k) to vectors side by side; code 0 (missing, or never seen in training) has a vector of its own."""

    def __init__(self, port: Port, settings: CategoriesSettings) -> None:
        super().__init__()
        sizes = port.sizes or (port.width,)
        self.tables = nn.ModuleList(nn.Embedding(size, settings.members * min(settings.width, size)) for size in sizes)
        for table in self.tables:
            nn.init.normal_(table.weight, std=settings.deviation)  # type: ignore[arg-type]
        self.members = settings.members
        self.width = sum(table.embedding_dim for table in self.tables)  # type: ignore[misc]

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Codes (B, k) or (B,) to (B, width)."""
        codes = x.reshape(x.shape[0], -1)
        found = [table(codes[:, j]).unflatten(1, (self.members, -1)) for j, table in enumerate(self.tables)]
        return torch.cat(found, dim=2).flatten(1)

    @staticmethod
    def example(generator: torch.Generator) -> tuple[Port, dict[str, Tensor]]:
        """Two columns of three and five codes."""
        codes = torch.stack([torch.randint(size, (8,), generator=generator) for size in (3, 5)], 1)
        return Port("categories", "categories", (2,), sizes=(3, 5)), {"categories": codes}
