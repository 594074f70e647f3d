"""ResNet-20 (He et al. 2016, arXiv:1512.03385, section 4.2, shortcuts of option A) on MNIST, batches of 128, Adam."""

from typing import TYPE_CHECKING, Any

from benchmarks.peers.job import Raw
from benchmarks.peers.workloads._mnist import OnMnist

if TYPE_CHECKING:
    from torch import Tensor, nn

STAGES = ((16, 1), (32, 2), (64, 2))
"""Maps of each stage, and the stride that begins it."""


class ResNet20(OnMnist):
    """269,434 parameters: three stages of three blocks."""

    title = "ResNet-20, batch 128"
    batch = 128
    train_rows = 20 * 128

    def net(self, raw: Raw) -> "nn.Module":
        from torch import nn

        blocks, width = [], STAGES[0][0]
        for maps, stride in STAGES:
            for index in range(3):
                blocks.append(_block(width, maps, 1 if index else stride))
                width = maps
        stem = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        net = nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))
        for one in net.modules():
            if isinstance(one, nn.Conv2d):
                nn.init.kaiming_normal_(one.weight, mode="fan_out", nonlinearity="relu")
        return net

    def keras_net(self, raw: Raw) -> Any:
        import keras

        from benchmarks.peers.workloads._keras import dense

        image = keras.Input((28, 28, 1))
        x, width = _keras_normed(image, 16, 1), STAGES[0][0]
        x = keras.layers.ReLU()(x)
        for maps, stride in STAGES:
            for index in range(3):
                x = _keras_block(x, width, maps, 1 if index else stride)
                width = maps
        return keras.Model(image, dense(10, width)(keras.layers.GlobalAveragePooling2D()(x)))

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        return super().thalweg(raw) | {"model": "resnet20"}


def _block(inputs: int, outputs: int, stride: int) -> "nn.Module":
    from torch import nn
    from torch.nn.functional import pad, relu

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            first = [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            second = [nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs)]
            self.branch = nn.Sequential(*first, *second)

        def forward(self, x: "Tensor") -> "Tensor":
            short = x[:, :, ::stride, ::stride]
            if outputs != inputs:  # half of the new channels, of zeros, on either side
                side = (outputs - inputs) // 2
                short = pad(short, (0, 0, 0, 0, side, side))
            return relu(short + self.branch(x))

    return Block()


def _keras_normed(x: Any, maps: int, stride: int) -> Any:
    import keras

    begun = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.Conv2D(maps, 3, stride, use_bias=False, kernel_initializer=begun)(x)
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x)


def _keras_block(x: Any, inputs: int, outputs: int, stride: int) -> Any:
    import keras

    branch = _keras_normed(keras.layers.ReLU()(_keras_normed(x, outputs, stride)), outputs, 1)
    short = keras.layers.AveragePooling2D(1, stride)(x) if stride > 1 else x
    if outputs != inputs:
        side = (outputs - inputs) // 2
        short = keras.layers.Permute((1, 3, 2))(short)  # padding acts on the middle axes
        short = keras.layers.Permute((1, 3, 2))(keras.layers.ZeroPadding2D(((0, 0), (side, side)))(short))
    return keras.layers.ReLU()(keras.layers.add([short, branch]))


WORKLOAD = ResNet20()
