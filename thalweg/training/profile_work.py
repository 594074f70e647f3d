"""The work of one step: floating-point operations, bytes moved and time in kernels, counted on one batch; no weight moves.

Counted are products of matrices, convolutions, attention and torch's fused recurrent layers, forward and backward; element by
element arithmetic is left out, as by torch's own counter, whose formulas these are: it would itself load torch's compiler.
"""

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, sdpa_backward_flop_count, sdpa_flop_count

from thalweg.core.position import Position, seed_from
from thalweg.data.batch import Batch
from thalweg.rules._gradient import GradientRule
from thalweg.rules._rule import Rule
from thalweg.training.layer_calls import unchanged
from thalweg.training.profile_clock import replace

REPEATS = 5
"""Passes that are timed with their kernels; the median counts."""
EMPTY = 20
"""Operations on one number that tell what calling any of them costs."""
UNCOUNTED = ("fft", "cudnn_rnn", "miopen_rnn", "linalg", "cdist", "lstsq", "cholesky", "deform")
"""What marks operations that may do much and that nobody counts here."""


@dataclass(frozen=True)
class Work:
    """What one forward and backward pass does.

    Attributes:
        flops: floating-point operations; None where they cannot be counted.
        moved: bytes read and written by all operations.
        calls: operations that did anything, views left out.
        kernels: share of the pass's time in which kernels work; None where it was not measured.
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
        kernels: also time some passes, with and without the operations in them (on a CPU, where calls wait for their kernels,
            and where nothing is compiled).
    """
    if not isinstance(rule, GradientRule):
        return Work(why=f"the rule {_named(rule)} steps in a way of its own")
    if batch is None or at is None:
        return Work(why="no batch was at hand")
    compiled = rule.objective != rule.task.objective
    with unchanged(rule.model), rule.at_rest.held(), ExitStack() as stack:
        replace(stack, rule, "objective", rule.task.objective)
        seed_from(at)
        prepared = rule.prepare(batch, at)
        with Operations() as seen:
            rule.slope(prepared)
        timed = kernels and not compiled and rule.context.device.type == "cpu"
        share = _kernels(lambda: rule.slope(prepared), rule.context.device) if timed else None
    left_out = sorted(name for name in seen.names if any(mark in name for mark in UNCOUNTED))
    left_out += [f"what {_named(rule)} does beyond its slope"] if type(rule).step is not GradientRule.step else []
    why = ", ".join(left_out)
    if not seen.flops:
        return Work(moved=seen.moved, calls=seen.calls, kernels=share, why=why or "no operation is one that is counted")
    return Work(seen.flops, seen.moved, seen.calls, share, why)


def _named(rule: Rule) -> str:
    return str(rule.declaration.name)  # type: ignore[attr-defined]


class Operations(TorchDispatchMode):
    """Watches the operations that are called within: what they are, what they read and write, how long they take.

    Attributes:
        seconds: within operations, the way there from Python left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.flops, self.moved, self.calls, self.seconds = 0, 0, 0, 0.0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled within, and torch loads its compiler to leave out what it would not compile."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        begun = time.perf_counter()
        answer = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.seconds += time.perf_counter() - begun
            self.calls += 1
            self._count(func.overloadpacket, args, kwargs or {}, answer)
        return answer

    def _count(self, operation: Any, args: Any, kwargs: Mapping[str, Any], answer: Any) -> None:  # noqa: ANN401
        self.names.add(operation.__name__)
        self.moved += _bytes(args) + _bytes(answer)
        if operation in flop_registry:
            self.flops += int(flop_registry[operation](*args, **kwargs, out_val=answer))
        elif operation in FURTHER:
            self.flops += FURTHER[operation](*args)


def _bytes(several: Any) -> int:  # noqa: ANN401 - what an operation takes or gives
    """Bytes of the tensors in what an operation takes or gives."""
    if isinstance(several, Tensor):
        return several.numel() * several.element_size()
    return sum(map(_bytes, several)) if isinstance(several, tuple | list) else 0


def _kernels(act: Callable[[], object], device: torch.device) -> float:
    """The share of an act's time in which its kernels work: what operations take beyond one that does next to nothing."""
    shares, one = [], torch.ones(1, device=device)
    for _ in range(REPEATS):
        begun = time.perf_counter()
        act()
        whole = time.perf_counter() - begun
        with Operations() as watched:
            act()
        with Operations() as empty:
            for _ in range(EMPTY):
                torch.neg(one)
        shares.append((watched.seconds - watched.calls * empty.seconds / EMPTY) / whole)
    return min(max(statistics.median(shares), 0.0), 1.0)


def _recurrent(given: Tensor, first: Tensor, second: Tensor, *rest: Any) -> int:
    """Of one layer in one direction: both products at every time, by input (T, B, I) and weights (4 H, I) and (4 H, H)."""
    return 2 * given.shape[0] * given.shape[1] * (first.numel() + second.numel())


def _recurrent_backward(given: Tensor, first: Tensor, second: Tensor, *rest: Any) -> int:
    """Each product has two in its slope."""
    return 2 * _recurrent(given, first, second)


def _attention(query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))


def _attention_backward(slope: Tensor, query: Tensor, key: Tensor, value: Tensor, *rest: Any) -> int:
    return int(sdpa_backward_flop_count(slope.shape, query.shape, key.shape, value.shape))


FURTHER: Mapping[Any, Callable[..., int]] = {
    torch.ops.aten.mkldnn_rnn_layer: _recurrent,
    torch.ops.aten.mkldnn_rnn_layer_backward: _recurrent_backward,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
"""How operations are counted that torch's counter does not know."""
