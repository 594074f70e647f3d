"""Steps that wait for their batch."""

from statistics import median

from thalweg.core.registry import fault
from thalweg.doctor.found import Found, percent
from thalweg.doctor.trace import Trace

FEWEST, SHARE, SECONDS = 10, 0.4, 0.004
"""Steps timed; the share of a step, and the time, spent on waiting."""


@fault("input-bound", turn=170, severity="warning", about="waiting", hides=())
def input_bound(trace: Trace) -> Found | None:
    """A large part of each step is spent on getting its batch."""
    if trace.waiting is not None and trace.waiting.share >= SHARE and trace.waiting.seconds >= SECONDS:
        return _found(trace.waiting.share, trace.waiting.seconds, loader=False)
    waits = [one for run in trace.runs for one in run.waits]
    seconds = [one for run in trace.runs for one in run.seconds]
    if len(waits) < FEWEST or median(waits) < SECONDS:
        return None
    share = median(wait / whole for wait, whole in zip(waits, seconds, strict=True) if whole > 0)
    if share < SHARE:
        return None
    return _found(share, median(waits), loader=any(run.loader for run in trace.runs))


def _found(share: float, wait: float, *, loader: bool) -> Found:
    return Found(
        f"{percent(share)} of the time passes before the model starts: {1000 * wait:.0f} ms of each step",
        "the DataLoader" if loader else "between a step and the next forward pass",
        "the processor or disk that prepares batches is slower than the net",
        "DataLoader(num_workers=4, persistent_workers=True), or keep what was decoded in memory",
        "sure" if loader else "likely",
        "keep what is decoded: --set data.cache=true; fewer or cheaper --augment; smaller pictures",
    )
