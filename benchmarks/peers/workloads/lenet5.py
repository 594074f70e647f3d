"""LeNet-5 on MNIST, batches of 128, Adam; maximum pooling and rectified units, as is usual since."""

from typing import TYPE_CHECKING, Any

from benchmarks.peers.job import Raw
from benchmarks.peers.workloads._keras import convolution, dense
from benchmarks.peers.workloads._mnist import OnMnist

if TYPE_CHECKING:
    from torch import nn


class LeNet5(OnMnist):
    """61,706 parameters. Whole batches only: a compiler would otherwise make two steps."""

    title = "LeNet-5, batch 128"
    batch = 128
    train_rows = 93 * 128
    rate = 0.002

    def net(self, raw: Raw) -> "nn.Module":
        from torch import nn

        return nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        )

    def keras_net(self, raw: Raw) -> Any:
        import keras

        first = [convolution(6, 1, 5, padding="same", activation="relu"), keras.layers.MaxPooling2D(2)]
        second = [convolution(16, 6, 5, padding="valid", activation="relu"), keras.layers.MaxPooling2D(2)]
        layers = [keras.layers.Flatten(), dense(120, 400, "relu"), dense(84, 120, "relu"), dense(10, 84)]
        return keras.Sequential([keras.Input((28, 28, 1)), *first, *second, *layers])

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        return super().thalweg(raw) | {"model": "lenet5"}


WORKLOAD = LeNet5()
