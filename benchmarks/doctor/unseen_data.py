"""What the nets of the next report learn from: three real sets where THALWEG_DATA is set, photographs, and what is drawn."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_images

from benchmarks.doctor.data import Data, cut


def _folder() -> Path:
    return Path(os.environ["THALWEG_DATA"])


def splice(seed: int) -> Data:
    """3,190 pieces of DNA of 60 letters; a border of one sort, of the other, or none lies in the middle: (N, 60) codes."""
    lines = gzip.decompress((_folder() / "splice_uci" / "splice.csv.gz").read_bytes()).decode().split()[1:]
    rows = [line.split(",") for line in lines]
    code = {letter: number for number, letter in enumerate("ACGT")}
    x = torch.tensor([[code.get(letter, 4) for letter in letters] for _, letters in rows])
    sorts = sorted({sort for sort, _ in rows})
    return cut(x, torch.tensor([sorts.index(sort) for sort, _ in rows]), len(sorts), seed=seed)


def devices(seed: int) -> Data:
    """3,000 days of what household devices of seven sorts use, 96 points a day: (N, 1, 96)."""
    with np.load(_folder() / "ucr_uea_small" / "ElectricDevices.npz", allow_pickle=False) as given:
        x, y = given["X_train"].astype(np.float32), given["y_train"].astype(np.int64)
    chosen = np.random.default_rng(seed).permutation(len(x))[:3000]
    x, y = x[chosen], np.unique(y, return_inverse=True)[1][chosen]
    return cut(torch.tensor((x - x.mean()) / x.std())[:, None], torch.tensor(y), 7, seed=seed)


def concrete(seed: int) -> Data:
    """1,030 mixtures of concrete, 8 columns, and how strong they are."""
    text = gzip.decompress((_folder() / "tabular" / "concrete.csv.gz").read_bytes()).decode("utf-8-sig")
    table = np.array([[float(value) for value in row] for row in list(csv.reader(text.splitlines()))[1:]])
    table = torch.tensor((table - table.mean(0)) / table.std(0), dtype=torch.float32)
    return cut(table[:, :8], table[:, 8], 0, seed=seed)


def photographs(seed: int) -> Data:
    """Pieces of 12 x 12 points of two photographs, of six regions that lie side by side: (N, 3, 12, 12)."""
    random = np.random.default_rng(seed)
    pictures = [picture.astype(np.float32) / 127.5 - 1 for picture in load_sample_images().images]
    rows, third = 1800, pictures[0].shape[1] // 3
    y = random.integers(0, 6, rows)
    top, left = random.integers(0, 427 - 12, rows), random.integers(0, third - 12, rows) + third * (y % 3)
    x = [pictures[k // 3][a : a + 12, b : b + 12].transpose(2, 0, 1) for k, a, b in zip(y, top, left, strict=True)]
    return cut(torch.tensor(np.stack(x)), torch.tensor(y), 6, seed=seed)


def solids(seed: int) -> Data:
    """Clouds of 24 points, turned at random: ball, shell, box, disc, rod, two lumps: (N, 24, 3)."""
    random = np.random.default_rng(seed)
    rows, classes = 1800, 6
    y = random.integers(0, classes, rows)
    points = random.normal(size=(rows, 24, 3))
    round_ = points / np.linalg.norm(points, axis=2, keepdims=True)
    inside = round_ * random.uniform(size=(rows, 24, 1)) ** (1 / 3)
    box = random.uniform(-0.8, 0.8, (rows, 24, 3))
    disc, rod = inside * [1.0, 1.0, 0.05], box * [0.1, 0.1, 1.3]
    lumps = 0.35 * inside + random.choice([-0.6, 0.6], (rows, 24, 1)) * np.array([1.0, 0, 0])
    x = np.choose(y[:, None, None], [inside, round_, box, disc, rod, lumps])
    turned = np.linalg.qr(random.normal(size=(rows, 3, 3)))[0]
    x = x @ turned + random.normal(0, 0.08, x.shape)
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), classes, seed=seed)


def brackets(seed: int) -> Data:
    """Words of 20 brackets and letters; the class is how deep the brackets go, one to four and more: (N, 20) codes of 8."""
    random = np.random.default_rng(seed)
    rows, wanted = [], []
    while len(rows) < 2400:
        word, depth, deepest = [], 0, 0
        aim = random.integers(1, 5)
        for left in range(20, 0, -1):
            opens = depth < min(aim, left - 1) and random.uniform() < 0.45
            closes = depth > 0 and (depth >= left or random.uniform() < 0.35)
            word.append(0 if opens else 1 if closes else int(random.integers(2, 8)))
            depth += 1 if opens else -1 if closes else 0
            deepest = max(deepest, depth)
        if 1 <= deepest <= 4:
            rows.append(word)
            wanted.append(deepest - 1)
    return cut(torch.tensor(rows), torch.tensor(wanted), 4, seed=seed)


def spirals(seed: int) -> Data:
    """Points of the plane on five arms of a spiral, with noise: (N, 2)."""
    random = np.random.default_rng(seed)
    rows, arms = 2500, 5
    y, along = random.integers(0, arms, rows), random.uniform(0.15, 1, rows)
    angle = 2 * np.pi * y / arms + 4 * along + random.normal(0, 0.12, rows)
    x = 1.7 * along[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    return cut(torch.tensor(x, dtype=torch.float32), torch.tensor(y), arms, seed=seed)
