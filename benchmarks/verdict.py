"""The verdict's figures: how often its intervals hold the truth and its words are wrong, in simulations reduced to minutes.

Each setting is a grid of cells; what is printed is the worst of them, beside what the choice of the method had promised from
larger grids. Coverage should be .95; a false word .025 on either side. A share of r replications has a standard error of
sqrt(p (1 - p)/r), .005 at .95 and 2,000; the worst of several cells lies lower by chance alone.

Known answers (statsmodels, scipy, scikit-learn, brute force) are tests: pytest tests/evaluation/test_vectors.py

Command: python benchmarks/verdict.py [accuracy f1 auc ...]
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import gammaln, ndtr, ndtri
from scipy.stats import binom

sys.path.append(str(Path(__file__).parents[1]))

from thalweg.core import registry
from thalweg.evaluation.clopper_pearson import ALPHA, clopper_pearson
from thalweg.evaluation.evaluate import of_rows
from thalweg.evaluation.folds import Fold, difference_over
from thalweg.evaluation.leaving_out import value_of
from thalweg.evaluation.one_metric import estimate
from thalweg.evaluation.paired import Difference, difference, shares_differ, shares_differ_in_groups, sign
from thalweg.evaluation.repeated import over_seeds
from thalweg.evaluation.subgroups import subgroups
from thalweg.evaluation.verdict import needed, word_of

DRAWN = np.random.default_rng(0)


class Setting(NamedTuple):
    """What is simulated.

    Attributes:
        title: in words.
        promised: what larger grids gave, the worst cell.
        worst: min for coverage, max for false claims.
        cells: yields the share of each cell, and how many replications that is of (0: exact).
    """

    title: str
    promised: str
    worst: Callable[[list[float]], float]
    cells: Callable[[], Iterator[tuple[float, int]]]


def metric(name):
    return registry.load("metric", name)(registry.settings_of("metric", name))


def holds(found: Difference | None, truth: float) -> bool:
    return found is not None and found.low <= truth <= found.high


def normals(n: int, correlation: float) -> np.ndarray:
    """(2, n) standard normals that go together."""
    shared, own = DRAWN.normal(size=n), DRAWN.normal(size=(2, n))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own


def accuracy():
    """One share, every outcome weighed by its probability."""
    for n, p in product((20, 50, 200, 1000, 10_000), (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)):
        weights = binom.pmf(np.arange(n + 1), n, p)
        likely = np.flatnonzero(weights > 1e-9)
        ends = [clopper_pearson(int(k), n) for k in likely]
        yield float(sum(weights[k] for k, (low, high) in zip(likely, ends, strict=True) if low <= p <= high)), 0


def _outcomes(n: int) -> tuple[np.ndarray, np.ndarray, list[Difference]]:
    b, c = (one.ravel() for one in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    keep = b + c <= n
    b, c = b[keep], c[keep]
    return b, c, [shares_differ(float(x), float(y), n) for x, y in zip(b, c, strict=True)]


def _probability(b: np.ndarray, c: np.ndarray, n: int, p: float, q: float) -> np.ndarray:
    rest = n - b - c
    ways = gammaln(n + 1) - gammaln(b + 1) - gammaln(c + 1) - gammaln(rest + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = sum(np.where(k > 0, k * np.log(x), 0.0) for k, x in ((b, p), (c, q), (rest, 1 - p - q)))
    return np.exp(ways + powers)


def _paired(leads: tuple[float, ...], judge: Callable[[Difference, float], bool]):
    for n in (20, 50, 100):
        b, c, found = _outcomes(n)
        for apart, lead in product((0.02, 0.05, 0.1, 0.2, 0.4), leads):
            if n * apart < 1:
                continue
            p, q = apart * (1 + lead) / 2, apart * (1 - lead) / 2
            yes = np.array([judge(one, p - q) for one in found])
            yield float(_probability(b, c, n, p, q)[yes].sum()), 0


def paired_accuracy():
    """Two models right or wrong on the same examples, every outcome weighed by its probability."""
    yield from _paired((0.0, 0.3, 0.6, 0.9), lambda found, truth: found.low <= truth <= found.high)


def false_lead():
    """The same where neither is ahead: how often one is said to be."""
    yield from _paired((0.0,), lambda found, truth: found.low > truth or found.high < truth)


def f1(replications: int = 1000):
    """F1 of two classifiers whose errors go together."""
    score = metric("f1")
    models = ((0.8, 0.05), (0.95, 0.02), (0.6, 0.1))  # share of the positives found, of the negatives taken for positives
    for n, positive, (one, other) in product((50, 200), (0.1, 0.5), ((0, 0), (0, 1), (0, 2))):
        rates = np.array([models[one], models[other]])
        value = [2 * positive * s / (positive * (1 + s) + (1 - positive) * f) for s, f in rates]
        hits = 0
        for _ in range(replications):
            truth = DRAWN.random(n) < positive
            cut = np.where(truth, ndtri(rates[:, :1]), ndtri(rates[:, 1:]))
            said = torch.from_numpy((normals(n, 0.5) < cut).astype(int))
            rows = [score.rows(each, torch.from_numpy(truth.astype(int))) for each in said]
            hits += holds(difference(score, *rows), value[0] - value[1])
        yield hits / replications, replications


def _confused(truth: np.ndarray, right: np.ndarray, classes: int) -> torch.Tensor:
    other = (truth + DRAWN.integers(1, classes, len(truth))) % classes
    return torch.from_numpy(np.where(right, truth, other))


def _macro_f1(share: np.ndarray, right: float) -> float:
    taken = (1 - share) * (1 - right) / (len(share) - 1)  # of other classes for this one
    return float(np.mean(2 * share * right / (share * (1 + right) + taken)))


def macro_f1(replications: int = 400):
    """Macro-F1 of two classifiers, classes alike or rarer and rarer."""
    for n, classes, skewed, (one, other) in product((100, 300), (3, 10), (False, True), ((0.8, 0.8), (0.95, 0.8))):
        share = 1 / np.arange(1, classes + 1) if skewed else np.ones(classes)
        share /= share.sum()
        if n * share.min() < 2:
            continue
        score = registry.load("metric", "macro-f1")(
            registry.settings_of("metric", "macro-f1", {"classes": classes, "over": "true"})
        )
        truth_value = _macro_f1(share, one) - _macro_f1(share, other)
        hits = 0
        for _ in range(replications):
            truth = DRAWN.choice(classes, n, p=share)
            right = normals(n, 0.5) < ndtri(np.array([[one], [other]]))
            rows = [score.rows(_confused(truth, each, classes), torch.from_numpy(truth)) for each in right]
            hits += holds(difference(score, *rows), truth_value)
        yield hits / replications, replications


def _scores(truth: np.ndarray, areas: tuple[float, float]) -> np.ndarray:
    """(2, n) scores of two models with these areas under ROC: normal within each class."""
    return normals(len(truth), 0.5) + np.sqrt(2) * ndtri(np.array(areas))[:, None] * truth


def _ranked(name: str, replications: int, value: Callable[[float, float], float]):
    score = metric(name)
    for n, positive, areas in product((100, 500), (0.1, 0.5), ((0.75, 0.75), (0.95, 0.9), (0.99, 0.99))):
        truth_value, hits = value(areas[0], positive) - value(areas[1], positive), 0
        truth = np.arange(n) < round(n * positive)
        for _ in range(replications):
            rows = [
                score.rows(torch.from_numpy(ndtr(one - 1)), torch.from_numpy(truth.astype(int)))
                for one in _scores(truth, areas)
            ]
            hits += holds(difference(score, *rows), truth_value)
        yield hits / replications, replications


def auc():
    """The area under ROC of two models."""
    yield from _ranked("auc", 500, lambda area, positive: area)


def average_precision():
    """Average precision of two models."""

    def value(area: float, positive: float) -> float:
        shift = np.sqrt(2) * ndtri(area)
        scores = shift + ndtri((np.arange(20_000) + 0.5) / 20_000)
        above = positive * ndtr(shift - scores)
        return float(np.mean(above / (above + (1 - positive) * ndtr(-scores))))

    yield from _ranked("average-precision", 300, value)


def rmse(replications: int = 2000):
    """Root mean squared error under errors of Student's t with 3 degrees of freedom, which have rare large values."""
    score = metric("rmse")
    for n, ratio in product((50, 300), (1.0, 1.2)):
        hits = 0
        for _ in range(replications):
            errors = normals(n, 0.5) / np.sqrt(DRAWN.chisquare(3, n) / 3)
            rows = [score.rows(torch.from_numpy(one), torch.zeros(n)) for one in (errors[0], ratio * errors[1])]
            hits += holds(difference(score, *rows), np.sqrt(3) * (ratio - 1))
        yield hits / replications, replications


def log_loss(replications: int = 2000):
    """Log loss against an opponent that is right nine times of ten and sure as if it were 99 times of 100."""
    score = metric("log-loss")
    truth_value = -(0.9 * np.log(0.99) + 0.1 * np.log(0.01)) + (0.85 * np.log(0.85) + 0.15 * np.log(0.15))
    for n in (50, 300):
        hits = 0
        for _ in range(replications):
            right = normals(n, 0.5) < ndtri(np.array([[0.85], [0.9]]))
            sure = np.where(right, [[0.85], [0.99]], [[0.15], [0.01]])
            rows = [score.rows(torch.from_numpy(np.stack([1 - p, p], 1)), torch.ones(n, dtype=torch.long)) for p in sure]
            hits += holds(difference(score, *rows), truth_value)
        yield hits / replications, replications


def _grouped(single: bool, replications: int = 1000):
    for groups, together in product((10, 40), (0.0, 0.2, 0.5)):
        hits = 0
        for _ in range(replications):
            size = 1 + DRAWN.geometric(0.1, groups)
            group = np.repeat(np.arange(groups), size)
            base = np.sqrt(together) * DRAWN.normal(size=(2, groups))[:, group]
            right = base + np.sqrt(1 - together) * normals(len(group), 0.3) < ndtri(0.8)
            if single:
                rows = torch.from_numpy(np.stack([right[0], np.ones(len(group))], 1).astype(float))
                low, high = estimate(metric("accuracy"), rows, groups=torch.from_numpy(group))[1:3]
                hits += low <= 0.8 <= high
            else:
                hits += holds(shares_differ_in_groups(right[0], right[1], group), 0.0)
        yield hits / replications, replications


def paired_groups():
    """Paired accuracy where examples come in groups of skewed sizes that are alike within."""
    yield from _grouped(single=False)


def groups():
    """Accuracy of one model on such groups."""
    yield from _grouped(single=True)


def seeds(replications: int = 5000):
    """The mean over seeds, for new seeds and new examples."""
    for count, varies, units in product((3, 5, 10), (0.0, 0.5, 2.0), (100, 1000)):
        hits = 0
        for _ in range(replications):
            error = np.sqrt(DRAWN.chisquare(units - 1) / (units - 1))  # as it is estimated
            low, high = over_seeds(DRAWN.normal() + varies * DRAWN.normal(size=count), error, units=units)
            hits += low <= 0 <= high
        yield hits / replications, replications


def _learned(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(2, n) answers of the nearest example, which is unstable, and of the nearest mean, which is stable."""
    nearest = y[((new[:, None] - x[None]) ** 2).sum(2).argmin(1)]
    means = np.stack([x[y == one].mean(0) for one in (0, 1)])
    return np.stack([nearest, ((new[:, None] - means[None]) ** 2).sum(2).argmin(1)])


def _two_clouds(n: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) % 2
    return DRAWN.normal(size=(n, 5)) + y[:, None] * 0.7, y


def folds(replications: int = 300):
    """Five folds, twice, for the nearest example against the nearest mean; the truth is the mean over many training sets."""
    score = metric("accuracy")
    for n in (60, 200):
        gaps = []
        for _ in range(1000):
            x, y = _two_clouds(4 * n // 5)
            new, truth = _two_clouds(200)
            right = _learned(x, y, new) == truth
            gaps.append(right[0].mean() - right[1].mean())
        hits = 0
        for _ in range(replications):
            x, y = _two_clouds(n)
            found = [_fold(x, y, repeat, places) for repeat in (0, 1) for places in DRAWN.permutation(n).reshape(5, -1)]
            apart = [sign(score) * (value_of(score, one.net) - value_of(score, one.theirs)) for one in found]
            hits += holds(difference_over(score, found, apart), float(np.mean(gaps)))
        yield hits / replications, replications


def _fold(x: np.ndarray, y: np.ndarray, repeat: int, places: np.ndarray) -> Fold:
    rest = np.setdiff1d(np.arange(len(x)), places)
    right = (_learned(x[rest], y[rest], x[places]) == y[places]).astype(float)
    net, other = (torch.from_numpy(np.stack([one, np.ones(len(one))], 1)) for one in right)
    return Fold(repeat, torch.from_numpy(places), net, other, "other", "other", 0.01)


def best_of_eight(replications: int = 4000):
    """The net called better than the best of eight opponents that are as good, chosen on validation examples."""
    for n in (200, 1000):
        said = 0
        for _ in range(replications):
            chosen = int((DRAWN.random((8, n)) < 0.85).sum(1).argmax())  # says nothing of the test part
            net, others = DRAWN.random(n) < 0.85, DRAWN.random((8, n)) < 0.85
            said += _difference(net, others[chosen]).low > 0
        yield said / replications, replications


def ten_looks(replications: int = 2000):
    """One of ten nets that are as good as the opponent called better, each a further look at the same test part."""
    said = 0
    for _ in range(replications):
        opponent = DRAWN.random(500) < 0.85
        said += any(_difference(DRAWN.random(500) < 0.85, opponent, look=k).low > 0 for k in range(1, 11))
    yield said / replications, replications


def _difference(net: np.ndarray, opponent: np.ndarray, *, look: int = 1) -> Difference:
    won, lost = float((net & ~opponent).sum()), float((~net & opponent).sum())
    return shares_differ(won, lost, len(net), alpha=ALPHA / look)


def settled(replications: int = 2000):
    """Where data were not enough: how often as many examples as were named do settle it, whatever the truth."""
    for lead in (0.0, 0.005, 0.01, 0.02, 0.03):
        share, tried = 0, 0
        while tried < replications:
            first = _words(500, lead)
            if first[0] != "not enough data":
                continue
            count = needed(*first[1:], margin=0.01, n=500)
            tried += 1
            share += _words(count, lead)[0] != "not enough data"
        yield share / replications, replications


def _words(n: int, lead: float) -> tuple[str, float, float]:
    """The word of a draw of two models that disagree on a tenth of the examples."""
    won, lost, _ = DRAWN.multinomial(n, [0.05 + lead / 2, 0.05 - lead / 2, 0.9])
    found = shares_differ(float(won), float(lost), n)
    return word_of(found.low, found.high, 0.01), found.low, found.high


def _called(word: str, n: int, lead: float, replications: int = 20_000):
    yield sum(_words(n, lead)[0] == word for _ in range(replications)) / replications, replications


def macro_f1_itself(replications: int = 300):
    """Macro-F1 of 26 classes that are all alike, of 100 examples, where every class is told nine times in ten."""
    classes, share = 26, np.ones(26) / 26
    score = registry.load("metric", "macro-f1")(
        registry.settings_of("metric", "macro-f1", {"classes": classes, "over": "true"})
    )
    hits = 0
    for _ in range(replications):
        truth = DRAWN.choice(classes, 100, p=share)
        rows = score.rows(_confused(truth, DRAWN.random(100) < 0.9, classes), torch.from_numpy(truth))
        low, high = estimate(score, rows)[1:3]
        hits += low <= _macro_f1(share, 0.9) <= high
    yield hits / replications, replications


def any_gap(replications: int = 500):
    """A gap claimed of one of ten subgroups that are as well off as the rest."""
    score = metric("accuracy")
    for p in (0.7, 0.95):
        names = np.repeat(np.arange(10), np.linspace(30, 200, 10).astype(int))
        said = 0
        for _ in range(replications):
            right = (DRAWN.random(len(names)) < p).astype(float)
            found = of_rows(
                {"accuracy": score}, {"accuracy": torch.from_numpy(np.stack([right, np.ones(len(right))], 1))}, part="test"
            )
            said += any(one["gap"] for one in subgroups(found, names, "group")["subgroups"])
        yield said / replications, replications


SETTINGS = {
    "accuracy": Setting("accuracy, n 20 to 10,000", ".950", min, accuracy),
    "paired": Setting("paired accuracy, n 20 to 100", ".948", min, paired_accuracy),
    "false-lead": Setting("the same, no lead: a lead claimed", "at most .0495", max, false_lead),
    "f1": Setting("F1 difference", ".950", min, f1),
    "macro-f1": Setting("macro-F1 difference", ".93", min, macro_f1),
    "macro-f1-itself": Setting("macro-F1 itself, 26 classes, n 100", ".95", min, macro_f1_itself),
    "auc": Setting("AUC difference", ".941", min, auc),
    "ap": Setting("AP difference", ".944", min, average_precision),
    "rmse": Setting("RMSE difference, t3 errors", ".936", min, rmse),
    "log-loss": Setting("log loss difference, n 50 and 300", ".89 and .94", min, log_loss),
    "paired-groups": Setting("paired accuracy in groups", ".92", min, paired_groups),
    "groups": Setting("accuracy in groups", ".87", min, groups),
    "seeds": Setting("seeds, 3 to 10", ".951", min, seeds),
    "folds": Setting("5 folds x 2", ".955", min, folds),
    "best-of-eight": Setting("better than the best of 8 equals", ".025", max, best_of_eight),
    "ten-looks": Setting("better at one of 10 looks, a tie", ".05", max, ten_looks),
    "settled": Setting("settled by as many as were named", "at least .79", min, settled),
    "any-gap": Setting("any false gap, 10 subgroups", ".01 to .04", max, any_gap),
    "lead-100": Setting("a lead of 2 points, n 100, called better", ".06", max, partial(_called, "better", 100, 0.02)),
    "lead-1000": Setting("the same, n 1,000", ".51", max, partial(_called, "better", 1000, 0.02)),
    "tie-10000": Setting("a tie, n 10,000, called equivalent", ".77", min, partial(_called, "equivalent", 10_000, 0.0)),
    "margin": Setting(
        "a lead of the margin, called equivalent", "at most .027", max, partial(_called, "equivalent", 10_000, 0.01)
    ),
}


def main(names):
    torch.set_num_threads(1)
    print("| setting | cells | replications | worst | promised | s |\n|---|---|---|---|---|---|")
    for name in names or SETTINGS:
        one, begun = SETTINGS[name], time.process_time()
        shares, counts = zip(*one.cells(), strict=True)
        of = f"{max(counts):,}" if max(counts) else "exact"
        worst = f"{one.worst(list(shares)):.4f}"[1:]
        print(
            f"| {one.title} | {len(shares)} | {of} | {worst} | {one.promised} | {time.process_time() - begun:.0f} |", flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1:])
