"""Hugging Face's Trainer: nothing logged, saved or reported; a constant rate, no clipping.

Fastest documented settings: `optim="adamw_torch_fused"` (its default), `bf16`, `torch_compile`.
"""

from pathlib import Path
from typing import Any

from benchmarks.peers.job import Clock, Job, Tool, Variant


class HuggingFace(Tool):
    """`Trainer.train` over a dataset of mappings."""

    title = "Hugging Face Trainer"
    needs = ("torch", "transformers", "accelerate")
    variants = (
        Variant("float32", "nothing logged or saved", usual=True),
        Variant("compiled", "torch_compile", builds=True, shares="torch-compile"),
        Variant("bfloat16", "bf16", "bfloat16", needs="bfloat16"),
    )

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        quiet = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
        return quiet | ({"TORCHINDUCTOR_CACHE_DIR": str(cache)} if variant == "compiled" else {})

    def train(self, job: Job, clock: Clock) -> float:
        import torch
        from transformers import Trainer, TrainerCallback, TrainingArguments

        from benchmarks.peers.trainers._torch import WithLoss, score, seeded_net, tensors

        *inputs, target = tensors(job.train)
        read = [f"x{number}" for number in range(len(inputs))]

        class Examples(torch.utils.data.Dataset):
            def __len__(self) -> int:
                return len(target)

            def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
                return {name: one[row] for name, one in zip(read, inputs, strict=True)} | {"labels": target[row]}

        class Model(torch.nn.Module):
            def __init__(self, loss_of: WithLoss) -> None:
                super().__init__()
                self.loss_of = loss_of

            def forward(self, labels: torch.Tensor, **given: torch.Tensor) -> dict[str, torch.Tensor]:
                return {"loss": self.loss_of(*(given[name] for name in read), labels)}

        class Ends(TrainerCallback):
            def on_epoch_end(self, *given: Any, **named: Any) -> None:
                clock.epoch()

        net = seeded_net(job)
        arguments = TrainingArguments(
            output_dir=str(job.scratch),
            per_device_train_batch_size=job.workload.batch,
            num_train_epochs=job.epochs,
            learning_rate=job.workload.rate,
            weight_decay=0.0,
            lr_scheduler_type="constant",
            max_grad_norm=0.0,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            use_cpu=True,
            remove_unused_columns=False,
            seed=job.seed,
            bf16=job.variant == "bfloat16",
            torch_compile=job.variant == "compiled",
        )
        Trainer(Model(WithLoss(net, job.workload)), arguments, train_dataset=Examples(), callbacks=[Ends()]).train()
        return score(net, job)


TOOL = HuggingFace()
