"""Contrastive divergence: data are made likelier than what the model turns them into in a few steps of its own.

Reference: Hinton 2002, doi:10.1162/089976602760128018, eq. 6; means instead of samples of visible units as Hinton 2010,
UTML TR 2010-003, section 3.2.

Letters: B batch, H hidden units, k steps.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from thalweg.core.position import Position
from thalweg.core.registry import rule
from thalweg.data.batch import Batch
from thalweg.models.restricted_boltzmann import RestrictedBoltzmann
from thalweg.optimizers._descent import Slope
from thalweg.rules._gradient import GradientRule, GradientSettings, slope_of
from thalweg.rules._rule import Context, RuleSettings, required_model
from thalweg.tasks._task import Losses, Task


class ContrastiveSettings(RuleSettings, GradientSettings):
    """How long the model's own chain is."""

    gibbs_steps: int = Field(1, ge=1, le=1000, description="steps of the chain that starts at the data (k)")
    rate: float | None = Field(3e-3, gt=0, le=1e6, description="learning rate at its peak")


@rule(
    "contrastive-divergence",
    settings=ContrastiveSettings,
    gradient=False,
    paper="Hinton 2002, doi:10.1162/089976602760128018",
)
class ContrastiveDivergence(GradientRule):
    """The slope of the free energy of data less that of the chain's end; the rest is as for backpropagation."""

    settings: ContrastiveSettings

    def __init__(self, task: Task, model: nn.Module, settings: ContrastiveSettings, context: Context) -> None:
        super().__init__(task, model, settings, context)
        self.machine = required_model(model, RestrictedBoltzmann, self)

    def prepare(self, batch: Batch, at: Position) -> Batch:
        """With the chance that decides which hidden units are on at each step of the chain (B, k, H)."""
        units = len(self.machine.hidden_bias)
        chance = at.uniform("chain", batch, self.settings.gibbs_steps, units)
        return self.task.prepare(batch, at).having({"chance": chance})

    def slope(self, batch: Batch) -> Slope:
        data = batch[self.machine.name].flatten(1)
        dream = self._chain(data, batch["chance"])
        energies = self.machine.free_energy(data) - self.machine.free_energy(dream)
        wrong = (dream - data).square().mean()
        return slope_of(Losses(energies, torch.ones_like(energies), {"reconstruction": wrong}), self.descent)

    @torch.no_grad()
    def _chain(self, visible: Tensor, chance: Tensor) -> Tensor:
        """Values (B, V) after k steps from data to hidden states and back."""
        for decides in chance.unbind(1):
            on = (decides < self.machine.hidden(visible)).to(visible.dtype)
            visible = self.machine.visible(on)
        return visible
