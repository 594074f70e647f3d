"""A model in one file: maxout, which takes the largest of several linear pieces instead of a fixed activation.

`thalweg check-part maxout.py` tries what every model must do; `python maxout.py` trains it on handwritten digits and says
whether it was worth it. Nothing else has to be written, and no file of thalweg knows of it.

Reference: Goodfellow et al. 2013, arXiv:1302.4389, eq. 1.

Letters: B batch.
"""

import torch
from torch import Tensor, nn

import thalweg as tw

PIXELS, DIGITS = 64, 10


class Maxout(nn.Module):
    """One hidden layer of units that each answer the largest of their linear pieces, then one linear layer."""

    def __init__(self, units: int = 64, pieces: int = 4) -> None:
        super().__init__()
        self.pieces = nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, units * pieces), nn.Unflatten(1, (units, pieces)))
        self.head = nn.Linear(units, DIGITS)

    def forward(self, image: Tensor) -> Tensor:
        """Logits (B, 10) of pictures (B, 1, 8, 8)."""
        units = self.pieces(image).amax(-1)  # (B, units)
        return self.head(units)


if __name__ == "__main__":
    torch.manual_seed(0)
    run = tw.train("digits", model=Maxout(), lr=0.01, epochs=30, speed="plain", out="maxout")
    print(run)
    print(run.results["verdict"]["sentence"])
