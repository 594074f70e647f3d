"""What the nets of drawn.py learn from, all of it drawn."""

import numpy as np
import torch

from benchmarks.doctor.data import Data, cut


def signs(seed: int) -> Data:
    """Seven signs of lines at any place of 13 x 13 points, with noise: (N, 1, 13, 13)."""
    random = np.random.default_rng(seed)
    strokes = ("h", "v", "hv", "d", "u", "du", "hd")
    y = random.integers(0, len(strokes), 1600)
    x = random.normal(0, 0.45, (len(y), 13, 13))
    for picture, wanted in zip(x, y, strict=True):
        top, left = random.integers(0, 7, 2)
        for step in range(7):
            places = {"h": (3, step), "v": (step, 3), "d": (step, step), "u": (6 - step, step)}
            for stroke in strokes[wanted]:
                down, across = places[stroke]
                picture[top + down, left + across] += 1.5
    return cut(torch.tensor(x, dtype=torch.float32)[:, None], torch.tensor(y), len(strokes), seed=seed)


def heights(seed: int) -> Data:
    """14 columns; the class is which of six smooth functions of them is highest."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(3000, 14))
    turned = x @ random.normal(size=(14, 6)) / np.sqrt(14)
    other = x[:, :6] * x[:, 6:12]
    y = (turned + 0.35 * other + np.sin(2 * turned[:, ::-1]) * 0.3).argmax(1)
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), 6, seed=seed)


def firsts(seed: int) -> Data:
    """Sentences of 12 words of 25; the class is which of the first five words comes before the other four: (N, 12)."""
    random = np.random.default_rng(seed)
    rows, classes = 2600, 5
    x = random.integers(classes, 25, (rows, 12))
    y = np.zeros(rows, int)
    for number, row in enumerate(x):
        places = np.sort(random.choice(12, 2, replace=False))
        words = random.choice(classes, 2, replace=False)
        row[places] = words
        y[number] = words[0]
    return cut(torch.tensor(x), torch.tensor(y), classes, seed=seed)


def machine(seed: int) -> Data:
    """Three sensors over 36 points; four states: steady, rising together, out of step, with knocks: (N, 36, 3)."""
    random = np.random.default_rng(seed)
    rows, time = 1500, np.linspace(0, 1, 36)
    y = random.integers(0, 4, rows)
    speed, begun = random.uniform(2, 4, (rows, 1, 1)), random.uniform(0, 6.3, (rows, 1, 1))
    late = np.where((y == 2)[:, None, None], np.array([0.0, 1.6, 3.2]), 0.0)
    x = np.sin(6.3 * speed * time[:, None] + begun + late)
    x = x + (y == 1)[:, None, None] * 1.3 * time[:, None]
    knocks = (random.uniform(size=(rows, 36, 1)) < 0.12) * random.choice([-1.6, 1.6], (rows, 36, 1))
    x = x + (y == 3)[:, None, None] * knocks + random.normal(0, 0.5, (rows, 36, 3))
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), 4, seed=seed)


def tiles(seed: int) -> Data:
    """Coloured pictures of 12 x 12; eight classes: which channel holds the large blob, and which the small: (N, 3, 12, 12)."""
    random = np.random.default_rng(seed)
    pairs = [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (0, 0), (1, 1)]
    y = random.integers(0, len(pairs), 1500)
    down, across = np.mgrid[0:12, 0:12]
    x = random.normal(0, 0.6, (len(y), 3, 12, 12))
    for picture, wanted in zip(x, y, strict=True):
        for channel, width in zip(pairs[wanted], (6.0, 1.5), strict=True):
            middle = random.uniform(2, 10, 2)
            picture[channel] += 1.8 * np.exp(-((down - middle[0]) ** 2 + (across - middle[1]) ** 2) / width)
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), len(pairs), seed=seed)


def loads(seed: int) -> Data:
    """A number of six columns: two products, a bend and a step, with a little noise."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(2200, 6))
    y = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) - 0.7 * (x[:, 3] > 0.3) + 0.5 * x[:, 4] + random.normal(0, 0.2, len(x))
    y = (y - y.mean()) / y.std()
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32), 0, seed=seed)
