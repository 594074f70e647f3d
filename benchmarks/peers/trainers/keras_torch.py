"""Keras 3 on torch."""

from benchmarks.peers.job import Variant
from benchmarks.peers.trainers._keras import Keras


class KerasOnTorch(Keras):
    """Steps in torch, one operation after another."""

    title = "Keras on torch"
    needs = ("keras", "torch")
    backend = "torch"
    steps = 1  # several are refused on this backend
    variants = (
        Variant("float32", "as by default", usual=True),
        Variant("bfloat16", "mixed_bfloat16", "bfloat16", needs="bfloat16"),
    )


TOOL = KerasOnTorch()
