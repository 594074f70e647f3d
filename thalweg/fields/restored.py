"""Encodings that come out of a package and cannot be read: one refusal for all kinds."""

from thalweg.core.errors import PackageRefusal


def unreadable_encoding(what: str, name: str) -> PackageRefusal:
    """The refusal, ready to raise, of what a package says of an encoding.

    Args:
        what: what cannot be read, as a sentence.
    """
    return PackageRefusal(
        "PACKAGE_ENCODING",
        what[:300],
        where=f"package.json, encoding {name}"[:200],
        why="values would be turned into other tensors than in training",
        fix="take another copy, or train it again",
    )
