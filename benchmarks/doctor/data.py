"""What the nets learn from: small sets, drawn or bundled, each in well under a second."""

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor


@dataclass(frozen=True)
class Data:
    """Rows to learn from and rows held out.

    Attributes:
        inputs: (N, ...) floats of scale one, or codes of tokens.
        targets: (N,) classes, (N, T) classes for each place of a sequence, or (N,) floats of scale one.
        clean_targets: held-out targets before anything was done to them.
        classes: how many; 0 for numbers.
    """

    inputs: Tensor
    targets: Tensor
    held_out_inputs: Tensor
    held_out_targets: Tensor
    clean_targets: Tensor
    classes: int

    def only(self, rows: int) -> "Data":
        """The first training rows alone."""
        return replace(self, inputs=self.inputs[:rows], targets=self.targets[:rows])

    @property
    def tokens(self) -> int:
        """How many codes there are."""
        return 1 + int(max(self.inputs.max(), self.held_out_inputs.max()))


Source = Callable[[int], Data]


def cut(inputs: Tensor, targets: Tensor, classes: int, *, seed: int, held_out: float = 0.3) -> Data:
    """Rows in a new order, the last of them held out."""
    order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(seed))
    inputs, targets = inputs[order], targets[order]
    kept = len(inputs) - int(held_out * len(inputs))
    return Data(inputs[:kept], targets[:kept], inputs[kept:], targets[kept:], targets[kept:].clone(), classes)


def _scaled(columns: np.ndarray) -> Tensor:
    return torch.tensor((columns - columns.mean(0)) / (columns.std(0) + 1e-9), dtype=torch.float32)


def digits(seed: int) -> Data:
    """1,797 pictures of 8 x 8, in [0, 1]: (N, 1, 8, 8)."""
    x, y = datasets.load_digits(return_X_y=True)
    return cut(torch.tensor(x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(y), 10, seed=seed)


def wine(seed: int) -> Data:
    """178 wines, 13 columns, 3 classes."""
    x, y = datasets.load_wine(return_X_y=True)
    return cut(_scaled(x), torch.tensor(y), 3, seed=seed)


def diabetes(seed: int) -> Data:
    """442 patients, 10 columns, a number that is a half noise."""
    x, y = datasets.load_diabetes(return_X_y=True)
    return cut(_scaled(x), _scaled(y), 0, seed=seed)


def friedman(seed: int) -> Data:
    """Friedman's first function of five of ten columns, with noise."""
    x, y = datasets.make_friedman1(1500, noise=1.0, random_state=seed)
    return cut(_scaled(x), _scaled(y), 0, seed=seed)


def clusters(seed: int) -> Data:
    """A table of 20 columns and 8 classes, each in two clusters, some of them overlapping."""
    x, y = datasets.make_classification(
        2400,
        20,
        n_informative=12,
        n_redundant=4,
        n_classes=8,
        n_clusters_per_class=2,
        class_sep=1.6,
        flip_y=0,
        random_state=seed,
    )
    return cut(_scaled(x), torch.tensor(y), 8, seed=seed)


def majority(seed: int) -> Data:
    """Sequences of 16 tokens of 12 sorts; the class is which of the first five stands there most often: (N, 16)."""
    random = np.random.default_rng(seed)
    classes, rows = 5, 2000
    y = random.integers(0, classes, rows)
    x = random.integers(0, 12, (rows, 16))
    for row, wanted in zip(x, y, strict=True):
        row[random.choice(16, 4, replace=False)] = wanted
    y = (x[:, :, None] == np.arange(classes)).sum(1).argmax(1)
    return cut(torch.tensor(x), torch.tensor(y), classes, seed=seed)


def waves(seed: int) -> Data:
    """Five shapes of a wave of 32 points, in phase and speed at random, with noise: (N, 32, 1)."""
    random = np.random.default_rng(seed)
    rows, classes = 1500, 5
    y = random.integers(0, classes, rows)
    turns = random.uniform(0, 1, (rows, 1)) + random.uniform(1.5, 3, (rows, 1)) * np.linspace(0, 1, 32)
    part = turns % 1
    shapes = [np.sin(2 * np.pi * turns), np.sign(0.5 - part), 2 * part - 1, 1 - 4 * np.abs(part - 0.5), 1.5 * (part > 0.85)]
    x = np.choose(y[:, None], shapes) + random.normal(0, 0.25, (rows, 32))
    return cut(torch.tensor(x, dtype=torch.float32)[:, :, None], torch.tensor(y), classes, seed=seed)


def textures(seed: int) -> Data:
    """Six directions of stripes of 12 x 12 points, of all widths and phases, with noise: (N, 1, 12, 12)."""
    random = np.random.default_rng(seed)
    rows, classes = 1500, 6
    y = random.integers(0, classes, rows)
    angle = (y + random.uniform(-0.25, 0.25, rows)) * np.pi / classes
    down, across = np.mgrid[0:12, 0:12]
    along = down[None] * np.sin(angle)[:, None, None] + across[None] * np.cos(angle)[:, None, None]
    x = np.sin(along * random.uniform(0.8, 1.6, (rows, 1, 1)) + random.uniform(0, 6.3, (rows, 1, 1)))
    x = x + random.normal(0, 0.9, x.shape)
    return cut(torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(y), classes, seed=seed)


def orders(seed: int) -> Data:
    """Sentences of 14 words of 30; the class is which of six pairs stands there, one somewhere before the other: (N, 14)."""
    random = np.random.default_rng(seed)
    rows, classes = 2000, 6
    pairs = [(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4)]
    y = random.integers(0, classes, rows)
    x = random.integers(6, 30, (rows, 14))
    for row, wanted in zip(x, y, strict=True):
        row[np.sort(random.choice(14, 2, replace=False))] = pairs[wanted]
    return cut(torch.tensor(x), torch.tensor(y), classes, seed=seed)


def beats(seed: int) -> Data:
    """Two channels of 48 points, five patterns of bumps at random places over a slow drift: (N, 2, 48)."""
    random = np.random.default_rng(seed)
    rows, classes = 1400, 5
    y = random.integers(0, classes, rows)
    time = np.arange(48)

    def bump(width: float) -> np.ndarray:
        return np.exp(-(((time - random.uniform(8, 40, (rows, 1))) / width) ** 2))

    first = np.choose(y[:, None], [bump(2), -bump(2), bump(2) + bump(2), bump(6), np.zeros((rows, 48))])
    second = np.choose(y[:, None], [bump(2), bump(2), -bump(2), bump(2), bump(2) - bump(6)])
    x = np.stack([first, second], 1) * 2 + random.normal(0, 0.7, (rows, 2, 48)) + np.sin(time / 15)
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), classes, seed=seed)


def letters(seed: int) -> Data:
    """Texts of a chain over 16 letters, 24 at a time; each letter is to be told from those before: (N, 24) and (N, 24)."""
    random = np.random.default_rng(seed)
    follow = random.dirichlet(
        np.full(16, 0.12), (16, 2)
    )  # what follows depends on the letter and on whether it repeats a vowel
    text = [0, 1]
    for chance in random.uniform(size=24 * 900):
        text.append(int(np.searchsorted(follow[text[-1], text[-2] % 2].cumsum(), chance).clip(0, 15)))
    rows = torch.tensor(text[: 24 * 900 + 1])
    return cut(rows[:-1].reshape(-1, 24), rows[1:].reshape(-1, 24), 16, seed=seed)


def cancer(seed: int) -> Data:
    """569 tumours, 30 columns, two classes."""
    x, y = datasets.load_breast_cancer(return_X_y=True)
    return cut(_scaled(x), torch.tensor(y), 2, seed=seed)


def shells(seed: int) -> Data:
    """A table of 10 columns; the class is which of five shells around the middle a row lies in."""
    x, y = datasets.make_gaussian_quantiles(n_samples=2600, n_features=10, n_classes=5, random_state=seed)
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), 5, seed=seed)


def speeds(seed: int) -> Data:
    """A number: how fast a noisy wave of 40 points turns: (N, 40, 1)."""
    random = np.random.default_rng(seed)
    rows = 1600
    speed = random.uniform(1, 4, (rows, 1))
    turns = random.uniform(0, 1, (rows, 1)) + speed * np.linspace(0, 1, 40)
    x = np.sin(2 * np.pi * turns) + random.normal(0, 0.3, (rows, 40))
    return cut(torch.tensor(x, dtype=torch.float32)[:, :, None], _scaled(speed[:, 0]), 0, seed=seed)


def regions(seed: int) -> Data:
    """Pictures of 12 x 12 with a disc and a square over noise; each point is of ground, disc or square: (N, 1, 12, 12)."""
    random = np.random.default_rng(seed)
    rows = 700
    down, across = np.mgrid[0:12, 0:12]
    x, y = random.normal(0, 0.6, (rows, 12, 12)), np.zeros((rows, 12, 12), int)
    for picture, classes in zip(x, y, strict=True):
        top, left = random.integers(0, 7, 2)
        picture[top : top + 5, left : left + 5] -= 1.2
        classes[top : top + 5, left : left + 5] = 2
        disc = (down - random.uniform(2, 9)) ** 2 + (across - random.uniform(2, 9)) ** 2 < 7
        picture[disc] += 1.6
        classes[disc] = 1
    return cut(torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(y).flatten(1), 3, seed=seed)


def phrases(seed: int) -> Data:
    """Sentences of 18 words of 40; the class is which of seven pairs of neighbours stands there: (N, 18)."""
    random = np.random.default_rng(seed)
    rows, classes = 2100, 7
    y = random.integers(0, classes, rows)
    x = random.integers(0, 40, (rows, 18))
    for row, wanted in zip(x, y, strict=True):
        place = random.integers(0, 17)
        row[place : place + 2] = (wanted, 39 - wanted)
    return cut(torch.tensor(x), torch.tensor(y), classes, seed=seed)


def fashion(seed: int) -> Data:
    """3,000 pictures of clothes in [-1, 1], read where THALWEG_DATA is set: (N, 1, 28, 28)."""
    folder = Path(os.environ["THALWEG_DATA"]) / "fashion_mnist"
    x = np.frombuffer(gzip.decompress((folder / "t10k-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    y = np.frombuffer(gzip.decompress((folder / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    pictures = torch.tensor(x[: 3000 * 784].reshape(-1, 1, 28, 28) / 127.5 - 1, dtype=torch.float32)
    return cut(pictures, torch.tensor(y[:3000].astype(np.int64)), 10, seed=seed)


def questions(seed: int) -> Data:
    """TREC's questions of six sorts, 12 words each, as codes of the commonest 800; where THALWEG_DATA is set: (N, 12)."""
    text = gzip.decompress((Path(os.environ["THALWEG_DATA"]) / "trec" / "TREC.train.gz").read_bytes()).decode("latin-1")
    lines = [line.lower().split() for line in text.splitlines() if line.strip()]
    sorts = sorted({line[0].split(":")[0] for line in lines})
    words, counts = np.unique([word for line in lines for word in line[1:]], return_counts=True)
    code = {str(word): number + 1 for number, word in enumerate(words[np.argsort(-counts)][:799])}
    x = torch.tensor([([code.get(word, 0) for word in line[1:13]] + [0] * 12)[:12] for line in lines])
    return cut(x, torch.tensor([sorts.index(line[0].split(":")[0]) for line in lines]), len(sorts), seed=seed)
