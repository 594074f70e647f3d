"""Tiny Shakespeare: parts of his plays in a million characters, on which character models are compared (Karpathy 2015)."""

from pathlib import Path

from thalweg.core.registry import source
from thalweg.data._source import Asked
from thalweg.data.catalogue import obtain
from thalweg.data.dataset import Dataset, Examples
from thalweg.data.sources.running_text import RunningTextSettings, running_text


@source(
    "tiny-shakespeare",
    catalogued=True,
    task="language-modelling",
    settings=RunningTextSettings,
    licence="public domain",
    stored_as="tinyshakespeare",
    address="https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/",
    files=(("input.txt", 1115394, "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"),),
)
def tiny_shakespeare(asked: Asked[RunningTextSettings]) -> Dataset | Examples:
    """1,115,394 characters of plays, 65 different; the last tenth judges, as is usual, the twentieth before it validates."""
    folder = obtain("tiny-shakespeare", download=asked.data.download, told=asked.told)
    found = running_text(Asked(_text_in(folder), asked.data, asked.settings, asked.told))
    found.name = "tiny-shakespeare"
    return found


def _text_in(folder: Path) -> Path:
    """The text, plain or packed."""
    plain = folder / "input.txt"
    return plain if plain.is_file() else folder / "input.txt.gz"
