"""Made-up texts, as the kind `text` describes them: what the smallest nets that read texts learn in the contracts."""

import torch
from torch import Tensor

from thalweg.fields.ports import Port, Ports

WORDS, HASHES = 8, 64


def described(words: Tensor) -> Tensor:
    """Words (..., L, 5) of codes (..., L): a spelling, one shape, two pieces, the second shared by each two words."""
    return torch.stack([words, words + 11, torch.full_like(words, 5), words + 31, words // 2 + 47], -1)


def tiny_port() -> Port:
    """A port of texts of six words."""
    return Port("text", "text", (None, 5), sizes=(WORDS, *[HASHES] * 4), masked=True)


def tiny_ports() -> Ports:
    """Texts in, three classes out."""
    return Ports((tiny_port(),), (Port("class", "category", (), size=3),))


def tiny_rows(generator: torch.Generator) -> dict[str, Tensor]:
    """Eight texts, one of them empty; the class is told by which of two words stands in a text, none of them: the third."""
    told = torch.tensor([0, 1, 2, 0, 2, 1, 0, 1])
    words = torch.randint(4, WORDS, (8, 4), generator=generator)
    words[:, 1] = torch.where(told < 2, told + 2, words[:, 1])
    mask = torch.arange(4) < torch.tensor([4, 3, 2, 2, 0, 4, 3, 2])[:, None]
    return {"text": described(words) * mask[:, :, None], "text_mask": mask, "class": told}
