"""Recorded work: what a GPU was asked to do once, done again by one call.

Reference: CUDA graphs in torch's documentation (whole-network capture), https://pytorch.org/docs/stable/notes/cuda.html.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

WARM = 3
"""Times that work is done before it is recorded: libraries choose their kernels and take their memory."""
ASKING = {
    "_local_scalar_dense",
    "is_nonzero",
    "equal",
    "nonzero",
    "masked_select",
    "_unique2",
    "unique_consecutive",
    "lift_fresh",
}
"""Operations that hang on numbers which the host holds or waits for; `lift_fresh` is a tensor made of Python's numbers."""


class Asked(TorchDispatchMode):
    """Watches for what cannot be recorded.

    Attributes:
        names: of the operations that were called within and ask the host, or tell it something.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled within, and torch loads its compiler to leave out what it would not compile."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        name = func.overloadpacket.__name__
        self.names |= {name} & ASKING
        return func(*args, **(kwargs or {}))


def recorded(act: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """What does again what `act` does, to the tensors that it reads and writes where they lie now.

    On a GPU that is the graph of its kernels; what is drawn within comes from torch's own generator of the device, as it is
    seeded when the graph is replayed. Elsewhere it is `act` itself.

    Args:
        act: reads and writes nothing but tensors on the device; it is called a few times.
    """
    if device.type != "cuda":
        return act
    with torch.cuda.device(device):
        ordinary, beside = torch.cuda.current_stream(), torch.cuda.Stream()
        beside.wait_stream(ordinary)
        with torch.cuda.stream(beside):
            for _ in range(WARM):
                act()
        ordinary.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            act()
    return graph.replay
