"""Keras 3 on torch."""

from benchmarks.peers.job import Variant
from benchmarks.peers.trainers._keras import BFLOAT16, STEPS, Keras


class KerasOnTorch(Keras):
    """Steps in torch, one operation after another."""

    title = "Keras on torch"
    needs = ("keras", "torch")
    backend = "torch"
    variants = (
        Variant("float32", "as by default", usual=True),
        Variant("several", f"{STEPS} batches a call"),
        BFLOAT16,
    )


TOOL = KerasOnTorch()
