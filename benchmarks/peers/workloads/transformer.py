"""A decoder of four layers, width 128, context 64, on the characters of Shakespeare's plays; batches of 32, Adam.

As nanoGPT writes it: learned places, layer norm before each part, GELU, symbols told by the vectors that they are read by.
"""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.job import Raw, Rows, Workload

if TYPE_CHECKING:
    from torch import Tensor, nn

LAYERS, WIDTH, HEADS, CONTEXT = 4, 128, 4, 64
WINDOWS = {"train": 1280, "validation": 8, "test": 256}
DEVIATION = 0.02


class CharTransformer(Workload):
    """Windows one after another; at each place the next character is to be told."""

    title = "char transformer 4 x 128, context 64, batch 32"
    unit = "windows"
    batch = 32
    score = "nats a character"
    lower = True

    def read(self, folder: Path | None) -> Raw:
        if folder is None:
            raise FileNotFoundError("Shakespeare's plays: set THALWEG_DATA to the folder that holds tinyshakespeare")
        text = gzip.decompress((folder / "tinyshakespeare" / "input.txt.gz").read_bytes()).decode()
        edges = np.cumsum([0, *(count * CONTEXT + 1 for count in WINDOWS.values())])
        return {part: np.asarray(list(text[first:last])) for part, first, last in zip(WINDOWS, edges, edges[1:], strict=False)}

    def rows(self, raw: Raw, part: str) -> Rows:
        codes = np.searchsorted(symbols(raw), raw[part])
        windows = codes[: WINDOWS[part] * CONTEXT + 1]
        return Rows((windows[:-1].reshape(-1, CONTEXT),), windows[1:].reshape(-1, CONTEXT))

    def loss(self, output: "Tensor", target: "Tensor") -> "Tensor":
        return super().loss(output.flatten(0, 1), target.flatten())

    def judge(self, output: np.ndarray, target: np.ndarray) -> float:
        shifted = output - output.max(-1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        return float(-np.take_along_axis(logs, target[..., None], -1).mean())

    def net(self, raw: Raw) -> "nn.Module":
        return _decoder(len(symbols(raw)) + 1)  # and one for characters never seen, as thalweg's has

    def thalweg(self, raw: Raw) -> dict[str, Any]:
        from thalweg.data.running_text import RunningText

        texts = {part: "".join(raw[part]) for part in WINDOWS}
        return {"data": RunningText("shakespeare", texts, CONTEXT), "model": "gpt-char"}


def symbols(raw: Raw) -> np.ndarray:
    """All characters, sorted."""
    return np.unique(np.concatenate([raw[part] for part in WINDOWS]))


def _decoder(count: int) -> "nn.Module":
    from torch import arange, nn

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.symbols, self.places = nn.Embedding(count, WIDTH), nn.Embedding(CONTEXT, WIDTH)
            self.blocks = nn.Sequential(*(_block() for _ in range(LAYERS)))
            self.last, self.head = nn.LayerNorm(WIDTH, bias=False), nn.Linear(WIDTH, count, bias=False)
            for one in self.parameters():
                if one.dim() > 1:
                    nn.init.normal_(one, std=DEVIATION)
            self.head.weight = self.symbols.weight

        def forward(self, codes: "Tensor") -> "Tensor":
            x = self.symbols(codes) + self.places(arange(codes.shape[1]))  # (B, T, D)
            logits: Tensor = self.head(self.last(self.blocks(x)))
            return logits

    return Decoder()


def _block() -> "nn.Module":
    from torch import nn
    from torch.nn.functional import scaled_dot_product_attention

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.between = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
            self.read, self.write = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
            wide, narrow = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)
            self.perceptron = nn.Sequential(wide, nn.GELU(), narrow)

        def forward(self, x: "Tensor") -> "Tensor":
            parts = self.read(self.before(x)).unflatten(2, (3, HEADS, -1)).transpose(1, 3)  # (B, H, 3, T, D / H)
            taken = scaled_dot_product_attention(*parts.unbind(2), is_causal=True)
            x = x + self.write(taken.transpose(1, 2).flatten(2))
            answer: Tensor = x + self.perceptron(self.between(x))
            return answer

    return Block()


WORKLOAD = CharTransformer()
