"""Sequences of letters: nucleotides, amino acids and molecules (SMILES) are told by their letters, and cut into words.

Nucleotides and amino acids are cut into overlapping runs of letters, as one letter tells nothing; molecules into their atoms,
bonds and rings. Where all sequences are of one length, they are taken to be aligned: a word is then known by its place, and the
shorter for that (LOG.md).

Reference: runs of letters as words: Ji et al. 2021, doi:10.1093/bioinformatics/btab083, section 2.2;
atoms of SMILES: Schwaller et al. 2019, doi:10.1021/acscentsci.9b00576, section 2.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

ATOM = re.compile(r"\[[^\[\]\s]{1,60}\]|Br|Cl|[BNOPSFIC*]|[bcnops]|[()=#$:./\\~-]|\+|%\d\d|\d")
"""An atom, a bond, a branch or the number of a ring."""
BOUND = re.compile(r"[()=#\[1]|cc")
"""What nearly every molecule of some size holds: a branch, a ring, a double bond."""
LEAST_LETTERS, LEAST_ATOMS = 20, 6
"""Letters of a sequence, or atoms and bonds of a molecule, on average, below which it may be a code of any sort."""
MOSTLY = 0.98


@dataclass(frozen=True)
class Alphabet:
    """One sort of sequences.

    Attributes:
        name: what people call what the letters stand for.
        whole: what all of such a sequence is made of.
        run, placed_run: letters of a word, and of one that is known by its place; 0: words are atoms.
    """

    name: str
    whole: re.Pattern[str]
    run: int
    placed_run: int

    def cut(self, text: str, *, placed: bool = False) -> list[str]:
        """The words of a sequence, in order; all of it where it is shorter than a word.

        Args:
            placed: words are short and followed by their place, which `unplaced` takes off.
        """
        if not self.run:
            return ATOM.findall(text)
        letters, run = "".join(text.split()).upper(), self.placed_run if placed else self.run
        words = [letters[i : i + run] for i in range(max(1, len(letters) - run + 1))] if letters else []
        return [f"{word} {place}" for place, word in enumerate(words)] if placed else words

    def is_aligned(self, texts: Iterable[str]) -> bool:
        """All are of one length, so that a place means the same in each; molecules never are."""
        return self.run > 0 and len({len(text.strip()) for text in texts}) == 1


ALPHABETS = {
    "nucleotides": Alphabet("nucleotides", re.compile(r"[ACGTUNRYSWKMBDHVacgtunryswkmbdhv.-]*"), 4, 2),
    "amino acids": Alphabet("amino acids", re.compile(r"[A-Z*-]*"), 3, 1),
    "molecules (SMILES)": Alphabet("molecules (SMILES)", re.compile(f"(?:{ATOM.pattern})*"), 0, 0),
}
"""By name, the narrower first: what nucleotides are made of may be amino acids as well."""


def alphabet_of(values: Iterable[object]) -> str:
    """The name of the alphabet that a column's values are written in; empty where it is none of these."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    return next((name for name in ALPHABETS if texts and _is_in(texts, name)), "")


def _is_in(texts: list[str], name: str) -> bool:
    alphabet = ALPHABETS[name]
    if sum(alphabet.whole.fullmatch(text) is not None for text in texts) < MOSTLY * len(texts):
        return False
    if alphabet.run:
        common = sum(text.upper().count(letter) for text in texts for letter in "ACGTUN")
        letters = sum(map(len, texts))
        return letters >= LEAST_LETTERS * len(texts) and (name != "nucleotides" or common >= 0.9 * letters)
    parts = [part for text in texts for part in alphabet.cut(text)]
    atoms = sum(part[0].isalpha() or part[0] == "[" for part in parts)  # codes such as C00123 hold one
    bound = sum(BOUND.search(text) is not None for text in texts)
    return len(parts) >= LEAST_ATOMS * len(texts) and atoms >= 0.4 * len(parts) and bound >= len(texts) / 2


def unplaced(word: str) -> str:
    """A word without its place."""
    return word.partition(" ")[0]
