"""The doctor in anybody's training loop: `with tw.doctor(model, optimizer) as watched: ...`.

Hooks on the model and its optimizer, and torch's loss functions replaced within the block, tell a recorder what happens;
everything is put back at the end, also after an exception. Weights, losses and random numbers are those of a loop without it.
"""

import functools
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, ParamSpec

import torch
from torch import nn
from torch.utils.data.dataloader import _BaseDataLoaderIter

from thalweg.doctor.judge import judged, wants_probe
from thalweg.doctor.lines import Probe
from thalweg.doctor.losses import overheard
from thalweg.doctor.pace import Pace
from thalweg.doctor.probe import BEYOND, UNTRIED, probed
from thalweg.doctor.recorder import Recorder
from thalweg.doctor.trace import Trace

P = ParamSpec("P")
WIDTH = 110


class Watched:
    """A training that the doctor watches from `with` to the end of the block; entered again, it watches on.

    Attributes:
        trouble: why the doctor stopped looking, where what it met was beyond it; empty elsewhere.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, *, quiet: bool = False, pace: Pace | None = None
    ) -> None:
        self.model, self.optimizer, self.quiet, self.trouble = _inner(model), optimizer, quiet, ""
        self._outer = model
        early = any(one._compiled_call_impl is not None for one in model.modules())
        compiled = early or any("_orig_mod" in one._modules for one in model.modules())
        self.recorder = Recorder(
            self.model, optimizer, pace=pace, stance=_Eagerly() if compiled else lambda sampling: None, early=early
        )
        self._attached = ExitStack()
        self._off = False
        self._probe: Probe | None = None
        self._thread = threading.get_ident()

    @property
    def trace(self) -> Trace:
        """All that was read so far."""
        lines = self.recorder.told()
        return Trace.of([*lines, *([self._probe] if self._probe is not None else [])])

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What is wrong, the gravest first: name, severity, what, where, why, fix, and how sure; at any time."""
        trace = self.trace
        if self._probe is None and wants_probe(trace):
            self._probe = self._try()
            trace = self.trace
        return judged(trace)

    def __enter__(self) -> "Watched":
        recorder, attach = self.recorder, self._attached
        self._off = bool(self.trouble)
        with ExitStack() as stack:
            hooks = [
                self._outer.register_forward_pre_hook(self._safely(recorder.entered), with_kwargs=True),
                self.optimizer.register_step_pre_hook(self._safely(lambda optimizer, given, named: recorder.stepping())),
                self.optimizer.register_step_post_hook(self._safely(lambda optimizer, given, named: recorder.stepped())),
            ]
            for one in hooks:
                stack.callback(one.remove)
            stack.callback(recorder.drop)
            stack.callback(recorder.waits.drop)
            heard = [self._safely(event) for event in (recorder.lost, recorder.turned, recorder.clearing.turned)]
            stack.enter_context(overheard(*heard))
            stack.enter_context(_timed_loading(self._safely(recorder.waits.loaded)))
            if recorder.early:
                recorder.arm()
            attach.push(stack.pop_all())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._attached.close()
        self._off = True
        if not self.quiet:
            print(self.told())

    def told(self) -> str:
        """The findings, for people."""
        found = self.findings
        trace = self.trace
        if not trace.steps:
            return "doctor: no step of this optimizer was seen, so nothing can be said"
        lines = [f"doctor: {trace.steps:,} steps, {len(trace.samples):,} of them looked into" + _unjudged(trace)]
        if self.trouble:
            lines.append(f"  it stopped looking: {self.trouble}")
        if not found:
            lines.append("  nothing is wrong as far as these show")
        for one in found:
            lines += _wrapped(f"  {one['severity']}: ", f"{one['what']} ({one['name']}, {one['sure']})")
            for word in ("where", "why", "fix"):
                lines += _wrapped(f"    {word + ':':7}", one[word])
        return "\n".join(lines)

    def _try(self) -> Probe:
        lesson, start = self.recorder.lesson, self.recorder.start
        if lesson is None or start is None:
            return UNTRIED
        former, self._off = self._off, True
        try:
            return probed(self.model, start.weights, lesson)
        finally:
            self._off = former

    def _safely(self, event: Callable[P, None]) -> Callable[P, None]:
        """The event, unless the doctor is off; what is beyond it ends its looking, never the training."""

        @functools.wraps(event)
        def heard(*given: P.args, **named: P.kwargs) -> None:
            if self._off or torch.compiler.is_compiling() or threading.get_ident() != self._thread:
                return
            try:
                event(*given, **named)
            except BEYOND as error:
                self._off, self.trouble = True, f"{type(error).__name__}: {error}"
                self.recorder.drop()

        return heard


@contextmanager
def _timed_loading(waiting: Callable[[float], None]) -> Iterator[None]:
    """Within, each wait for a batch of a DataLoader is told of."""
    former = _BaseDataLoaderIter.__next__

    @functools.wraps(former)
    def timed(loader: Any) -> Any:
        begun = time.perf_counter()
        batch = former(loader)
        waiting(time.perf_counter() - begun)
        return batch

    _BaseDataLoaderIter.__next__ = timed  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        _BaseDataLoaderIter.__next__ = former  # type: ignore[method-assign]


class _Eagerly:
    """Lets compiled functions run as they were written while a step is sampled: their hooks are not asked otherwise."""

    def __init__(self) -> None:
        self._held = ExitStack()

    def __call__(self, sampling: bool) -> None:
        if sampling:
            self._held.enter_context(torch.compiler.set_stance("force_eager"))
        else:
            self._held.close()


def _inner(model: nn.Module) -> nn.Module:
    """The module that a compiler wrapped."""
    inner = model._modules.get("_orig_mod")
    return inner if inner is not None else model


def _unjudged(trace: Trace) -> str:
    if trace.evaluations:
        return ""
    return "; no held-out loss was seen, so overfitting, shuffled and noisy labels are not judged"


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * (11 if head.startswith("    ") else 4))
