"""Words of a text, as the checks compare them."""

import re
import unicodedata

WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words in order, in one case, letters in one of the forms that look alike."""
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())
