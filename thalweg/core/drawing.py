"""What is drawn from within a lane: a generator of the thread's own, so that no lane depends on which is first."""

import threading

import torch


class _Thread(threading.local):
    generator: torch.Generator | None = None


own = _Thread()
"""`own.generator` of this thread; None outside of lanes, where torch's own generator serves."""
