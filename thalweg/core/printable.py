"""Texts out of files as they can be shown: nothing moves a cursor, turns a line round or fills a screen."""

import shlex


def printable(text: object, *, most: int | None = None) -> str:
    """A text with control and direction marks, newlines and bytes that are no text escaped.

    Args:
        most: signs that are kept; what is longer ends in "…".
    """
    whole = str(text)
    kept = whole if most is None or len(whole) <= most else whole[: most - 1] + "…"
    if kept.isprintable():
        return kept
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode() for sign in kept)


def typed(name: str, *words: object) -> str:
    """A flag of the command line with a name out of a file, as it is typed into a shell: `--field 'Compound ID=category'`.

    Args:
        words: are joined by "=".
    """
    return f"--{name} {shlex.quote('='.join(map(printable, words)))}"
