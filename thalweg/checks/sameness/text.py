"""Texts are the same where their words are, in order: case, punctuation and width of letters do not count.

Of sequences of letters every sign counts: in molecules a small letter is another atom.
"""

import numpy as np

from thalweg.checks.hashing import hash_of_bytes
from thalweg.checks.seen import Seen
from thalweg.checks.words import words_of
from thalweg.core.registry import sameness


@sameness("text")
def text(seen: Seen) -> np.ndarray:
    """(N,) uint64; texts without a word are the same only where they are so sign by sign."""
    if seen.look.alphabet:
        return hash_of_bytes(str(value).strip().encode(errors="surrogatepass") for value in seen.values)[seen.index]
    distinct = (" ".join(words_of(value)) or f"\x00{value}" for value in map(str, seen.values))
    return hash_of_bytes(one.encode(errors="surrogatepass") for one in distinct)[seen.index]
