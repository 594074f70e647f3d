"""Loading libraries without a search for garbage among what they are made of.

While torch is imported, Python's collector walks again and again through objects that all stay, and once more when the process
ends: .6 of 2.7 s of `python -c "import torch"` (two cores of an AMD EPYC, medians of 7 in turn).
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

LARGE = "torch"
"""The library for which it is worth while."""


@contextmanager
def unswept() -> Iterator[None]:
    """Nothing is searched for garbage while what is within is imported; what came with torch is never searched.

    Where torch is there already, and where the collector is off, all stays as it is.
    """
    if LARGE in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if LARGE in sys.modules:
            gc.freeze()
        gc.enable()
