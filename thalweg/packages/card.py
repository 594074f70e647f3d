"""The card of a package: its README, written anew when more is known of the model than when it was packed."""

from pathlib import Path

from thalweg.core.files import write_folder
from thalweg.core.manifest import open_folder
from thalweg.packages.package import FORMAT, VERSION

CARD = "README.md"


def renew_card(path: Path, card: str) -> bool:
    """Give a package another card, all else as it was, whole or not at all; returns whether anything changed.

    Raises:
        PackageRefusal: the package is missing or damaged; nothing is written.
    """
    folder = open_folder(path, format=FORMAT, newest=VERSION)
    if CARD in folder.manifest.files and folder.bytes(CARD) == card.encode():
        return False
    files = {name: folder.bytes(name) for name in folder.manifest.files} | {CARD: card.encode()}
    write_folder(path, files, format=FORMAT, version=folder.manifest.version, stamp=folder.manifest.stamp)
    return True
