"""skorch: a torch net as an estimator of scikit-learn; no validation, nothing printed."""

from typing import Any

from benchmarks.peers.job import Clock, Job, Tool, Variant


class Skorch(Tool):
    """`NeuralNet.fit` over skorch's own DataLoader."""

    title = "skorch"
    needs = ("torch", "skorch")
    variants = (
        Variant("float32", "no validation, nothing printed", usual=True),
        Variant("fused", "fused Adam, callbacks that time and score left out"),
    )

    def train(self, job: Job, clock: Clock) -> float:
        import torch
        from skorch import NeuralNet
        from skorch.callbacks import Callback

        from benchmarks.peers.trainers._torch import score, seeded_net

        class Ends(Callback):
            def on_epoch_end(self, net: Any, **given: Any) -> None:
                clock.epoch()

        class Loss(torch.nn.Module):
            def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
                return job.workload.loss(output, target)

        class OfRows(torch.nn.Module):
            """Inputs by name, as skorch hands them on, in their order."""

            def __init__(self, net: torch.nn.Module) -> None:
                super().__init__()
                self.net = net

            def forward(self, **inputs: torch.Tensor) -> torch.Tensor:
                output: torch.Tensor = self.net(*inputs.values())
                return output

        rows, net = job.train, seeded_net(job)
        fused = job.variant == "fused"
        quiet: dict[str, Any] = {"callbacks__print_log": None} | (
            {"callbacks__epoch_timer": None, "callbacks__train_loss": None, "callbacks__valid_loss": None} if fused else {}
        )
        estimator = NeuralNet(
            OfRows(net),
            criterion=Loss,
            optimizer=torch.optim.Adam,
            lr=job.workload.rate,
            optimizer__fused=fused,
            batch_size=job.workload.batch,
            max_epochs=job.epochs,
            train_split=None,
            iterator_train__shuffle=True,
            callbacks=[Ends()],
            verbose=0,
            **quiet,
        )
        estimator.fit({f"x{number}": one for number, one in enumerate(rows.inputs)}, rows.target)
        return score(estimator.module_.net, job)


TOOL = Skorch()
