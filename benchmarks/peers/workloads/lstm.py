"""An LSTM of width 128 that reads an MNIST image row by row, batches of 128, Adam."""

from typing import TYPE_CHECKING, Any

from benchmarks.peers.job import Raw
from benchmarks.peers.workloads._mnist import OnMnist

if TYPE_CHECKING:
    from torch import Tensor, nn

WIDTH = 128


class Lstm(OnMnist):
    """28 steps of 28 pixels; the last state tells the class. thalweg is given the same module: it has none for pictures."""

    title = "LSTM 128 over 28 rows, batch 128"
    batch = 128
    train_rows = 30 * 128
    rate = 0.003

    def net(self, raw: Raw) -> "nn.Module":
        from torch import nn

        class RowByRow(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.lstm = nn.LSTM(28, WIDTH, batch_first=True)
                self.head = nn.Linear(WIDTH, 10)

            def forward(self, image: "Tensor") -> "Tensor":
                states, _ = self.lstm(image.squeeze(1))  # (B, 28, 128)
                answer: Tensor = self.head(states[:, -1])
                return answer

        return RowByRow()

    def keras_net(self, raw: Raw) -> Any:
        import keras

        from benchmarks.peers.workloads._keras import dense

        begun = keras.initializers.RandomUniform(-(WIDTH**-0.5), WIDTH**-0.5)
        lstm = keras.layers.LSTM(
            WIDTH, kernel_initializer=begun, recurrent_initializer=begun, bias_initializer=begun, unit_forget_bias=False
        )
        return keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Reshape((28, 28)), lstm, dense(10, WIDTH)])

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        import torch

        torch.manual_seed(0)
        return super().thalweg(raw) | {"model": self.net(raw)}


WORKLOAD = Lstm()
