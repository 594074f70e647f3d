"""Makers: which operation a tensor comes from, read off the graph that leads back from it."""

from typing import Any

from torch import Tensor

VIEWS = (
    "View", "UnsafeView", "ReshapeAlias", "Unsqueeze", "Squeeze", "Transpose", "Permute", "T", "Expand", "Alias", "AsStrided",
    "Clone", "ToCopy", "Slice", "Select", "Contiguous", "Unfold", "Movedim", "Flatten",
)  # fmt: skip
"""Operations that change no value."""
POOLS = (
    "MaxPool1D", "MaxPool2DWithIndices", "MaxPool3DWithIndices", "AvgPool2D", "AvgPool3D", "AdaptiveAvgPool2D",
    "AdaptiveAvgPool3D", "AdaptiveMaxPool2D", "Mean", "NativeDropout", "FusedDropout", "Cat",
)  # fmt: skip
"""Operations that leave zero what is zero and flat what is flat, mostly."""
NAMES = {
    "Relu": "relu", "Threshold": "relu", "Hardtanh": "relu", "ClampMin": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid",
    "Softmax": "softmax", "LogSoftmax": "log_softmax",
}  # fmt: skip
"""Operations that the faults speak of; others are called by the graph's name."""
DEEPEST = 12


def maker(tensor: Tensor, *, behind_pools: bool = False) -> str:
    """The operation that made a tensor, behind views; empty where no slope leads back from it.

    Args:
        behind_pools: look behind pools and dropout too.
    """
    node: Any = tensor.grad_fn
    passed = VIEWS + POOLS if behind_pools else VIEWS
    for _ in range(DEEPEST):
        if node is None:
            return ""
        name = _operation(node)
        onward = node.next_functions
        masked = behind_pools and name == "Mul" and len(onward) == 2 and onward[1][0] is None  # dropout, on a CPU
        if not onward or not (name in passed or masked):
            return NAMES.get(name, name)
        node = onward[0][0]
    return ""


def _operation(node: Any) -> str:
    """`Relu` of `ReluBackward0`."""
    return str(node.name()).partition("Backward")[0]
