"""Keras 3 on JAX, which compiles each step; the persistent cache of JAX is documented, and off unless asked for."""

from pathlib import Path

from benchmarks.peers.job import Variant
from benchmarks.peers.trainers._keras import Keras

STEPS = 25
"""Batches in a call, where several are."""


class KerasOnJax(Keras):
    """Steps as JAX's compiler makes them."""

    title = "Keras on JAX"
    needs = ("keras", "jax")
    backend, steps = "jax", STEPS
    variants = (
        Variant("float32", "jit_compile as by default", usual=True, builds=True),
        Variant("several", f"{STEPS} batches a call", builds=True),
        Variant("bfloat16", f"mixed_bfloat16, {STEPS} batches a call", "bfloat16", builds=True, needs="bfloat16"),
    )

    def environment(self, variant: str, cache: Path) -> dict[str, str]:
        kept = {
            "JAX_COMPILATION_CACHE_DIR": str(cache),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
            "JAX_PLATFORMS": "cpu",
        }
        return super().environment(variant, cache) | kept


TOOL = KerasOnJax()
