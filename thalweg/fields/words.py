"""Words: what a text is split into, in any script, and the pieces by which words that were never seen are still known.

A text is normalised: NFKC; marks of direction, zero-width signs and controls taken out. Words are runs of letters, digits and
the marks on them, with an apostrophe or hyphen inside; each sign of punctuation and each emoji is a word. In scripts that put
no spaces between words (Chinese, Japanese, Thai, ...) each character is one.
"""

import re
import unicodedata
import zlib

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts without spaces: Thai, Lao, Burmese, Khmer, kana, Han."""
MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0963\u0966-\u0dff\u0f18-\u0fbc"
)
"""Accents, vowel signs and the like, which belong to the letter before them."""
RUN = rf"(?:[^\W{UNSPACED}]|[{MARKS}])"
WORD = re.compile(rf"{RUN}+(?:['’\-]{RUN}+)*|[{UNSPACED}][{MARKS}]*|\S")
HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")
"""Signs that show nothing: soft hyphens, zero-width signs, marks of direction, variants of signs, tags."""
BROKEN = re.compile("[\ud800-\udfff]")
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")

HASHES = 1 << 20
"""Hashes of words and pieces are whole numbers from 1 to this, exclusive; 0 stands for none."""
MOST_PIECES = 20
"""Pieces of one word, at most; of longer words as many, spread evenly."""


def normalised(text: str) -> str:
    """The text in one spelling: NFKC, without what shows nothing; half surrogates become the sign for what cannot be read."""
    if text.isascii():
        return CONTROLS.sub(" ", text)
    whole = BROKEN.sub("\ufffd", text)
    return CONTROLS.sub(" ", HIDDEN.sub("", unicodedata.normalize("NFKC", whole)))


def words(text: str) -> list[str]:
    """The words of a text in order, as they are written."""
    found: list[str] = WORD.findall(normalised(text))
    return found


def hashed(text: str) -> int:
    """A number from 1 to `HASHES`, exclusive, the same on every machine."""
    return zlib.crc32(text.encode("utf-8", "replace")) % (HASHES - 1) + 1


def shape(word: str) -> str:
    """How a word is written: `Xx` for Paris, `X` for NATO, `x9` for u2; with digits its length too; other signs stay."""
    told = "".join("X" if sign.isupper() else "x" if sign.isalpha() else "9" if sign.isdigit() else sign for sign in word)
    short = re.sub(r"(.)\1+", r"\1", told)
    return f"{short} {min(len(word), 12)}" if "9" in short else short


def pieces(word: str) -> list[str]:
    """The runs of 3 to 5 characters of a word between marks of its beginning and end: at most `MOST_PIECES`, spread evenly.

    Reference: Bojanowski et al. 2017, doi:10.1162/tacl_a_00051, section 3.2 (there 3 to 6, without a limit).
    """
    marked = f"<{word}>"
    found = [marked[i : i + length] for length in (3, 4, 5) for i in range(len(marked) - length + 1)]
    if len(found) <= MOST_PIECES:
        return found
    return [found[i * len(found) // MOST_PIECES] for i in range(MOST_PIECES)]
