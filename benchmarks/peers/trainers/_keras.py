"""Keras 3 on one of its backends: `compile`, `fit`; pictures with their channels last, as it wants them on CPUs.

Fastest documented settings: `jit_compile="auto"`, its default; several batches in each call (`steps_per_execution`, on JAX).
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.job import Clock, Job, Rows, Tool, Workload


class Keras(Tool):
    """`fit` on arrays in memory.

    Attributes:
        steps: batches in a call, where several are.
    """

    backend: ClassVar[str]
    steps: ClassVar[int]

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        return {"KERAS_BACKEND": self.backend, "TF_CPP_MIN_LOG_LEVEL": "3"}

    def refuses(self, workload: Workload) -> str:
        written = type(workload).keras_net is not Workload.keras_net
        return super().refuses(workload) or ("" if written else "the net was not written in Keras")

    def train(self, job: Job, clock: Clock) -> float:
        import keras

        class Ends(keras.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                clock.epoch()

        keras.utils.set_random_seed(job.seed)
        if job.variant == "bfloat16":
            keras.mixed_precision.set_global_policy("mixed_bfloat16")
        work, rows = job.workload, job.train
        net = work.keras_net(job.raw)
        net.compile(
            optimizer=keras.optimizers.Adam(work.rate),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            steps_per_execution=1 if job.variant == "float32" else self.steps,
        )
        net.fit(_inputs(rows), rows.target, work.batch, job.epochs, verbose=0, callbacks=[Ends()])
        test = job.test
        return work.judge(np.asarray(net.predict(_inputs(test), 256, verbose=0), np.float32), test.target)


def _inputs(rows: Rows) -> list[np.ndarray]:
    return [one.transpose(0, 2, 3, 1) if one.ndim == 4 else one for one in rows.inputs]
