"""Lightning's Trainer.

Fastest documented settings: no logger, no checkpoints, no progress bar, no summary; `barebones` leaves out what else costs time
("Speed up model training" and `Trainer(barebones=...)` in its documentation).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers.job import Clock, Job, Tool, Variant

QUIET: Mapping[str, Any] = {
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
}


class Lightning(Tool):
    """A module with a training step, over a DataLoader."""

    title = "Lightning"
    needs = ("torch", "lightning")
    variants = (
        Variant("float32", "no logger, checkpoints or progress bar", usual=True),
        Variant("barebones", "barebones, fused Adam"),
        Variant("compiled", "torch.compile, barebones, fused Adam", builds=True, shares="torch-compile"),
        Variant("bfloat16", "bf16-mixed, barebones, fused Adam", "bfloat16", needs="bfloat16"),
    )

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        return {"TORCHINDUCTOR_CACHE_DIR": str(cache)} if variant == "compiled" else {}

    def train(self, job: Job, clock: Clock) -> float:
        import warnings

        import lightning
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        from benchmarks.peers.trainers._torch import WithLoss, score, seeded_net, tensors

        warnings.filterwarnings("ignore", module="lightning")

        class Module(lightning.LightningModule):
            def __init__(self, loss_of: torch.nn.Module) -> None:
                super().__init__()
                self.loss_of = loss_of

            def training_step(self, batch: Any, index: int) -> torch.Tensor:
                loss: torch.Tensor = self.loss_of(*batch)
                return loss

            def configure_optimizers(self) -> torch.optim.Optimizer:
                return torch.optim.Adam(self.parameters(), lr=job.workload.rate, fused=job.variant != "float32")

        class Ends(lightning.Callback):
            def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
                clock.epoch()

        net = seeded_net(job)
        module = Module(WithLoss(net, job.workload))
        loader = DataLoader(TensorDataset(*tensors(job.train)), job.workload.batch, shuffle=True)
        options = dict(QUIET) if job.variant == "float32" else {"barebones": True}
        options |= {"precision": "bf16-mixed"} if job.variant == "bfloat16" else {}
        trainer = lightning.Trainer(
            max_epochs=job.epochs, accelerator="cpu", devices=1, callbacks=[Ends()], default_root_dir=job.scratch, **options
        )
        trainer.fit(torch.compile(module) if job.variant == "compiled" else module, loader)
        return score(net, job)


TOOL = Lightning()
