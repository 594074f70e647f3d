"""The job that every tutorial runs: 784-128-64-10 on MNIST, batches of 32, Adam."""

from typing import TYPE_CHECKING, Any

from benchmarks.peers.job import Raw
from benchmarks.peers.workloads._keras import dense
from benchmarks.peers.workloads._mnist import OnMnist

if TYPE_CHECKING:
    from torch import nn


class Perceptron(OnMnist):
    """109,386 parameters."""

    title = "perceptron 784-128-64-10, batch 32"
    batch = 32
    hidden = (128, 64)

    def net(self, raw: Raw) -> "nn.Module":
        from torch import nn

        return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))

    def keras_net(self, raw: Raw) -> Any:
        import keras

        layers = [keras.layers.Flatten(), dense(128, 784, "relu"), dense(64, 128, "relu"), dense(10, 64)]
        return keras.Sequential([keras.Input((28, 28, 1)), *layers])

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        return super().thalweg(raw) | {"model": {"name": "mlp", "hidden": [128, 64]}}


WORKLOAD = Perceptron()
