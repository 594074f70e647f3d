"""Makers: which operation a tensor comes from, read off the graph that leads back from it."""

from collections.abc import Sequence
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


def given_part(tensor: Tensor) -> Tensor | None:
    """What of a tensor no slope leads back from: all of it, or what `torch.cat` joined to the rest; None for nothing."""
    node: Any = tensor.grad_fn
    if node is None:
        return tensor
    if _operation(node) != "Cat":
        return None
    onward, axis = node.next_functions, _signed(node._saved_dim)
    given = [at for at, (former, _) in enumerate(onward) if former is None]
    if not given or len(given) <= given[-1] - given[0]:  # parts that do not lie together: how wide each is cannot be told
        return None
    before, behind = (
        sum(_wide(former._input_metadata[output].shape, tensor, axis) for former, output in some)
        for some in (onward[: given[0]], onward[given[-1] + 1 :])
    )
    part = tensor.narrow(axis, before, tensor.shape[axis] - before - behind)
    return part if part.numel() else None


def _wide(shape: Sequence[int], joined: Tensor, axis: int) -> int:
    """What a part of that shape adds along the axis; `torch.cat` takes empty ones of shape (0,) beside all others."""
    return shape[axis] if len(shape) == joined.dim() else 0


def _signed(number: int) -> int:
    """A number of 64 bits as autograd tells it, without its sign."""
    return number - 2**64 if number >= 2**63 else number


def _operation(node: Any) -> str:
    """`Relu` of `ReluBackward0`."""
    return str(node.name()).partition("Backward")[0]
