"""The work of one step: floating-point operations, bytes moved and time in kernels, counted on one batch; no weight moves.

Counted are products of matrices, convolutions, attention and torch's fused recurrent layers, forward and backward; element by
element arithmetic is left out, as in torch's own counter.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule
from thalweg.training.trace import unchanged

REPEATS = 5
"""Passes that are timed with their kernels; the median counts."""
Shape = torch.Size
UNCOUNTED = ("fft", "cudnn_rnn", "miopen_rnn", "linalg", "cdist", "lstsq", "cholesky", "deform")
"""What marks operations that may do much and that nobody counts here."""


@dataclass(frozen=True)
class Work:
    """What one forward and backward pass does.

    Attributes:
        flops: floating-point operations; None where they cannot be counted.
        moved: bytes read and written by all operations.
        calls: operations that did anything, views left out.
        kernels: share of the pass's time within operations; None where it was not measured.
        why: why nothing was counted, or what was left out; empty if nothing was.
    """

    flops: int | None = None
    moved: int = 0
    calls: int = 0
    kernels: float | None = None
    why: str = ""


def counted(rule: Rule, batch: Batch | None, at: Position | None, *, kernels: bool = False) -> Work:
    """The work of a step's forward and backward pass on a batch.

    Args:
        kernels: also time some passes, with and without the operations in them (on a CPU, where calls wait for their kernels).
    """
    if not isinstance(rule, GradientRule):
        return Work(why=f"the rule {rule.declaration.name} follows no slope")  # type: ignore[attr-defined]
    if batch is None or at is None:
        return Work(why="no batch was at hand")
    with unchanged(rule.model), rule.at_rest.held():
        seed_from(at)
        prepared = rule.prepare(batch, at)
        counter, seen = FlopCounterMode(display=False, custom_mapping=FURTHER), Operations()
        with seen, counter:
            rule.slope(prepared)
        timed = kernels and rule.context.device.type == "cpu"
        share = _kernels(lambda: rule.slope(prepared)) if timed else None
    left_out = sorted(name for name in seen.names if any(mark in name for mark in UNCOUNTED))
    why = f"{', '.join(left_out)} cannot be counted" if left_out else ""
    return Work(counter.get_total_flops(), seen.moved, seen.calls, share, why)


class Operations(TorchDispatchMode):
    """Watches the operations that are called within: what they are, what they read and write, how long they take.

    Attributes:
        seconds: within operations, the way there from Python left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.moved, self.calls, self.seconds = 0, 0, 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        begun = time.perf_counter()
        answer = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.seconds += time.perf_counter() - begun
            self.calls += 1
            self.names.add(func.overloadpacket.__name__)
            self.moved += _bytes(args) + _bytes(answer)
        return answer


def _bytes(several: Any) -> int:  # noqa: ANN401 - what an operation takes or gives
    """Bytes of the tensors in what an operation takes or gives."""
    if isinstance(several, Tensor):
        return several.numel() * several.element_size()
    return sum(map(_bytes, several)) if isinstance(several, tuple | list) else 0


def _kernels(act: Callable[[], object]) -> float:
    """The share of an act's time that is spent within operations; at most 1, as both times have their noise."""
    whole, inside = [], []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        act()
        whole.append(time.perf_counter() - begun)
        with Operations() as watched:
            act()
        inside.append(watched.seconds)
    return min(1.0, statistics.median(inside) / statistics.median(whole))


def _recurrent(input_: Shape, first: Shape, second: Shape, *rest: Any, out_shape: Any = None, **named: Any) -> int:
    """Of one layer in one direction: both products at every time, by input (T, B, I) and weights (4 H, I) and (4 H, H)."""
    return int(2 * input_[0] * input_[1] * (first.numel() + second.numel()))


def _recurrent_backward(input_: Shape, first: Shape, second: Shape, *rest: Any, out_shape: Any = None, **named: Any) -> int:
    """Each product has two in its slope."""
    return 2 * _recurrent(input_, first, second)


def _attention(query: Shape, key: Shape, value: Shape, *rest: Any, out_shape: Any = None, **named: Any) -> int:
    return int(sdpa_flop_count(query, key, value))


def _attention_backward(
    grown: Shape, query: Shape, key: Shape, value: Shape, *rest: Any, out_shape: Any = None, **named: Any
) -> int:
    return int(sdpa_backward_flop_count(grown, query, key, value))


FURTHER = {
    torch.ops.aten.mkldnn_rnn_layer: _recurrent,
    torch.ops.aten.mkldnn_rnn_layer_backward: _recurrent_backward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
"""How operations are counted that torch's counter does not know."""
